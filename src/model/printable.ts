/** Makes text from outside fit to be read in a log line or a terminal. */

// Control and format characters (Cc, Cf: escapes of terminals, bidirectional overrides), line and
// paragraph separators, lone surrogates.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * `text` on one line, shortened to `max` characters (an ellipsis counts as one), with everything that
 * could move a cursor or hide another character written as `\u{…}`.
 */
export function printable(text: string, max = 60): string {
  // Twice `max` UTF-16 units hold at least `max` characters: a hostile megabyte is not walked.
  const characters = Array.from(text.slice(0, 2 * (max + 1)));
  const short = characters.length > max ? [...characters.slice(0, max - 1), '…'] : characters;
  return short.join('').replace(UNPRINTABLE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** As `printable`, in quotes: for a value inside a sentence. */
export function quoted(text: string, max = 60): string {
  return `"${printable(text, max)}"`;
}
