/** Whole numbers in a range, as MySQL prints them. */
import { BadValue, type Parser } from './column.ts';
import { quoted } from './printable.ts';

/** A parser of decimal integers from `min` to `max`, both included; `what` names the thing counted. */
export function integer(min: number, max: number, what = 'a whole number'): Parser<number> {
  return (text) => {
    // At most 15 digits: exact in a double.
    const value = /^(?:0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) throw new BadValue(`is ${quoted(text)}, not ${what} from ${min} to ${max}`);
    return value;
  };
}

/** 0 or 1, as MySQL prints a BOOLEAN. */
export const flag: Parser<boolean> = (text) => {
  if (text !== '0' && text !== '1') throw new BadValue(`is ${quoted(text)}, not 0 or 1`);
  return text === '1';
};

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[]): Parser<T> {
  return (text) => {
    const word = words.find((w) => w === text);
    if (word === undefined) throw new BadValue(`is ${quoted(text)}, not one of ${words.join(', ')}`);
    return word;
  };
}
