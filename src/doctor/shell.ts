/** Words of a command line that a person will paste into a shell. Pure. */

/** `word` as bash reads it back, on one line whatever is in it. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (/^[\x20-\x7e]*$/.test(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  // What could move a cursor, or hide another character, as bytes (bash(1), QUOTING).
  const bytes = Array.from(Buffer.from(word, 'utf8'), (byte) => (byte >= 0x20 && byte <= 0x7e && byte !== 0x27 && byte !== 0x5c
    ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`));
  return `$'${bytes.join('')}'`;
}

export function shellWords(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

/** A string of SQL. */
export function sqlText(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
