/** An app's range of user and group ids on every host: root in its container is the first of them. */
import { BadValue, type Parser } from './column.ts';
import { quoted } from './printable.ts';

/** Ids of a range; systemd, and whoever else gives ranges away, counts in these too. */
export const RANGE = 65_536;
/** What systemd keeps for containers, https://systemd.io/UIDS-GIDS. */
const FIRST = 524_288;
const LAST = 1_879_048_192 - RANGE;

export const uidBase: Parser<number> = (text) => {
  const value = /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : NaN;
  if (!(value >= FIRST && value <= LAST && value % RANGE === 0)) throw new BadValue(`is ${quoted(text)}, not a multiple of ${RANGE} from ${FIRST} to ${LAST}`);
  return value;
};
