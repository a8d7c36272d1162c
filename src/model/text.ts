/** Text that can become an argument or an environment value of a process. */
import { BadValue } from './column.ts';

/** @throws BadValue when `text` holds NUL, which ends a C string, or half a surrogate pair, which has no UTF-8. */
export function processText(text: string, what: string): string {
  if (text.includes('\0')) throw new BadValue(`has ${what} with a NUL character`);
  if (/\p{Cs}/u.test(text)) throw new BadValue(`has ${what} with half a surrogate pair, which is not Unicode text`);
  return text;
}
