/** The app's environment. Secret: no error text repeats a value. */
import { BadValue, type Parser } from './column.ts';
import { parseJsonScalarsAsText } from './json.ts';
import { quoted } from './printable.ts';
import { processText } from './text.ts';

const KEY = /^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/;
// Linux takes at most 128 KiB for one KEY=value (MAX_ARG_STRLEN, execve(2)); all of it together is held to the same.
const TOTAL_BYTES = 128 * 1024;

/** Sorted by key, so that the order in the column makes no new generation. */
export const env: Parser<ReadonlyMap<string, string>> = (text) => {
  const value = parseJsonScalarsAsText(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadValue('is not a JSON object');
  const entries = Object.entries(value).map(([key, content]: [string, unknown]): [string, string] => {
    if (!KEY.test(key)) throw new BadValue(`has the name ${quoted(key)}, which is not letters, digits, _ . - starting with a letter or _`);
    if (typeof content !== 'string') throw new BadValue(`has a value of ${key} that is not text, a number or a boolean`);
    return [key, processText(content, `a value of ${key}`)];
  });
  const bytes = entries.reduce((sum, [key, content]) => sum + key.length + Buffer.byteLength(content) + 2, 0);
  if (bytes > TOTAL_BYTES) throw new BadValue(`has ${bytes} bytes, and ${TOTAL_BYTES} are allowed`);
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
};
