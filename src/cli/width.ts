/** How much room text takes on a terminal, and text that fits into it. For text without control characters. Pure. */

/** Drawn over the character before. */
const NARROWEST = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
/** Of two columns: East Asian Wide and Fullwidth (UAX 11), and what is shown as a picture. */
const WIDE = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}\p{Emoji_Presentation}\u3000-\u303e\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]$/u;
const ASCII = /^[\x20-\x7e]*$/;

function widthOfCharacter(character: string): number {
  if (NARROWEST.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Columns of a terminal. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** As much of the text as fits into `columns`; an ellipsis says that it was more. */
export function cut(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let left = columns - 1;
  for (const character of text) {
    left -= widthOfCharacter(character);
    if (left < 0) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Spaces that fill the text up to `columns`. */
export function filler(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - widthOf(text)));
}

/** Lines of at most `columns`, broken at spaces, and within a word that is longer than a line. */
export function wrap(text: string, columns: number): string[] {
  if (columns === Infinity) return [text];
  const room = Math.max(2, columns);
  return filled(text.split(' ').flatMap((word) => (widthOf(word) <= room ? [word] : broken(word, room))), room);
}

/** The same, with every word whole: one that is longer than a line has a longer line. */
export function wrapWords(text: string, columns: number): string[] {
  return filled(text.split(' '), columns);
}

function filled(words: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  let left = columns;
  for (const word of words) {
    const width = widthOf(word);
    if (line !== '' && width + 1 <= left) {
      line += ` ${word}`;
      left -= width + 1;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    left = columns - width;
  }
  return [...lines, line];
}

function broken(word: string, columns: number): string[] {
  const pieces = [''];
  let left = columns;
  for (const character of word) {
    const width = widthOfCharacter(character);
    if (width > left) {
      pieces.push('');
      left = columns;
    }
    pieces[pieces.length - 1] += character;
    left -= width;
  }
  return pieces;
}
