/** argv of the container. */
import { BadValue, type Parser } from './column.ts';
import { parseStrings } from './json.ts';
import { processText } from './text.ts';

// Escaped at worst four bytes for one, with the rest of the command line, this stays below the 1 MiB
// that systemd reads of a line (systemd.syntax(7)).
const TOTAL_BYTES = 128 * 1024;

export const command: Parser<readonly string[]> = (text) => {
  const argv = parseStrings(text);
  if (argv.length === 0) throw new BadValue('is an empty array; NULL takes the command of the image');
  argv.forEach((word, index) => processText(word, `an element ${index + 1}`));
  if (argv[0] === '') throw new BadValue('has an empty program name');
  const bytes = argv.reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0);
  if (bytes > TOTAL_BYTES) throw new BadValue(`has ${bytes} bytes, and ${TOTAL_BYTES} are allowed`);
  return argv;
};
