/**
 * Text → values of unit files, by systemd.syntax(7), systemd.unit(5) and systemd.service(5). A template
 * takes nothing but a `UnitValue`, so whatever reaches a unit file has passed through here.
 */

/** A value that is one line of a unit file, quoted for the place it goes to. */
export class UnitValue {
  // Private, so that nothing else has this type: it is made by the functions below only.
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** @throws Error when the text would end the line: systemd ends one at line feed, carriage return and NUL alike. */
  static of(text: string): UnitValue {
    if (/[\n\r\0]/.test(text)) throw new Error('A value of a unit file holds the end of a line; this is a bug of the quoting.');
    return new UnitValue(text);
  }

  toString(): string {
    return this.#text;
  }
}

// Control characters, line separators, and invisible characters that would hide what a line says (zero width,
// bidirectional overrides, tags). systemd drops a line that holds a noncharacter as invalid UTF-8. Spelled
// out rather than as \p{Cf} and \p{Cn}, which grow with Unicode and so would make new generations.
const ESCAPED = /[\p{Cc}\p{Zl}\p{Zp}\p{NChar}\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]/gu;
// Neither separated, unquoted, expanded nor escaped in an Exec line.
const BARE_WORD = /^[A-Za-z0-9_@+=:,./-]+$/;

/**
 * One word of an Exec line, which the program receives exactly as `text`. Plain words stay bare, for the
 * person who reads the unit; every other is in double quotes with C escapes.
 * @throws Error for NUL and half a surrogate pair, which no argument can hold
 */
export function execWord(text: string): UnitValue {
  if (/[\0\p{Cs}]/u.test(text)) throw new Error('An argument holds NUL or half a surrogate pair.');
  if (BARE_WORD.test(text)) return UnitValue.of(text);
  const escaped = text
    .replace(/[\\"]/g, '\\$&')
    .replace(ESCAPED, bytesEscaped)
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$');
  return UnitValue.of(`"${escaped}"`);
}

function bytesEscaped(character: string): string {
  return Array.from(Buffer.from(character), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

/** A command line for Exec settings. */
export function execLine(words: readonly string[]): UnitValue {
  return UnitValue.of(words.map((word) => execWord(word).toString()).join(' '));
}

/**
 * A setting that is text up to the end of the line (Description=).
 * @throws Error for what such a setting cannot hold: control characters, blanks at an end, a backslash (one
 *   at the end of a line joins it with the next)
 */
export function unitText(text: string): UnitValue {
  if (/[\p{Cc}\p{Cs}\p{NChar}\\]|^\s|\s$/u.test(text)) throw new Error('A text of a unit file holds a control character, a backslash, or a blank at an end.');
  return UnitValue.of(text.replaceAll('%', '%%'));
}

/**
 * An absolute path in a list of paths (RequiresMountsFor=), where a backslash takes the next character as it is.
 * @throws Error for control characters
 */
export function pathValue(path: string): UnitValue {
  if (!path.startsWith('/') || /[\p{Cc}\p{Cs}\p{NChar}]/u.test(path)) throw new Error('A path of a unit file is not absolute, or holds a control character.');
  if (BARE_WORD.test(path)) return UnitValue.of(path);
  return UnitValue.of(`"${path.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`);
}

/**
 * A name, number or path of ours, which needs no quoting anywhere.
 * @throws Error when it does
 */
export function plain(value: string | number): UnitValue {
  const text = String(value);
  if (!BARE_WORD.test(text) && !/^[0-9]+%$/.test(text)) throw new Error(`"${text}" is not a plain value of a unit file.`);
  return UnitValue.of(text);
}
