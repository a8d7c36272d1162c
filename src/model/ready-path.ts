/** The path of the readiness request, as it stands in its request line. */
import { BadValue, type Parser } from './column.ts';
import { quoted } from './printable.ts';

const MAX = 1024;

export const readyPath: Parser<string> = (text) => {
  if (text.length > MAX) throw new BadValue(`has ${text.length} characters, and ${MAX} are allowed`);
  // Printable ASCII without space or `#`: nothing that ends a request target or cannot stand in one (RFC 9112, 3.2).
  if (!/^\/[!"$-~]*$/.test(text)) throw new BadValue(`is ${quoted(text)}, not a path that starts with / and holds printable ASCII without spaces or #`);
  return text;
};
