/**
 * Reads unit files as systemd does, for tests: written from the manual pages (systemd.syntax(7),
 * systemd.unit(5), systemd.service(5)) and not from src/units/quote.ts. Where the pages leave something
 * open, or systemd is lenient, it throws: what we generate must not depend on it.
 */

export interface Directive {
  readonly section: string;
  readonly key: string;
  readonly value: string;
}

/** The directives of a unit file, in order. @throws Error on anything else than directives, sections and comments */
export function parseUnit(text: string): Directive[] {
  const directives: Directive[] = [];
  let section = '';
  for (const line of logicalLines(text)) {
    const header = /^\[([^[\]]+)\]$/.exec(line);
    if (header !== null) {
      section = header[1] ?? '';
      continue;
    }
    const assignment = /^([A-Za-z]+)\s*=\s*(.*)$/su.exec(line);
    if (assignment === null || section === '') throw new Error(`not a directive: ${JSON.stringify(line)}`);
    directives.push({ section, key: assignment[1] ?? '', value: assignment[2] ?? '' });
  }
  return directives;
}

/** Lines without comments, blanks at the ends and empty ones; continued ones joined by a space. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let pending: string | null = null;
  // systemd's reader ends a line at line feed, carriage return and NUL.
  for (const raw of text.split(/[\n\r\0]/)) {
    const line = raw.replace(/^[ \t]+/, '');
    if (/^[#;]/.test(line)) continue;
    const joined: string = pending === null ? line : `${pending} ${line}`;
    if (endsInBackslash(line)) {
      pending = joined.slice(0, -1);
      continue;
    }
    pending = null;
    const trimmed = withoutBlanksAtEnd(joined);
    if (trimmed !== '') lines.push(trimmed);
  }
  if (pending !== null) throw new Error('the last line is continued');
  return lines;
}

/** An even number of backslashes at the end are escaped ones. */
function endsInBackslash(line: string): boolean {
  let at = line.length;
  while (line[at - 1] === '\\') at--;
  return (line.length - at) % 2 === 1;
}

function withoutBlanksAtEnd(line: string): string {
  let at = line.length;
  while (line[at - 1] === ' ' || line[at - 1] === '\t') at--;
  return line.slice(0, at);
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '"': '"', "'": "'", s: ' ',
};

/** The words of a setting that takes quoted words. @throws Error on an unknown escape or a misplaced quote */
export function splitWords(value: string): string[] {
  const words: string[] = [];
  let rest = value;
  while ((rest = rest.replace(/^[ \t]+/, '')) !== '') {
    const match = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"'](?:[^\s\\"']|\\.)*))(?=[ \t]|$)/su.exec(rest);
    if (match === null) throw new Error(`not words: ${JSON.stringify(rest)}`);
    if (match[0] === ';') throw new Error('a lone semicolon separates command lines');
    words.push(unescape(match[1] ?? match[2] ?? match[3] ?? ''));
    rest = rest.slice(match[0].length);
  }
  return words;
}

function unescape(text: string): string {
  const bytes: Buffer[] = [];
  for (let at = 0; at < text.length;) {
    const match = /^(?:[^\\]+|\\(?:x([0-9a-f]{2})|([0-7]{3})|u([0-9a-f]{4})|U([0-9a-f]{8})|([abfnrtv\\"'s])))/i.exec(text.slice(at));
    if (match === null) throw new Error(`an unknown escape: ${JSON.stringify(text.slice(at, at + 4))}`);
    const [all, hex, octal, u4, u8, letter] = match;
    const byte = hex !== undefined ? parseInt(hex, 16) : octal !== undefined ? parseInt(octal, 8) : null;
    if (byte === 0 || (byte !== null && byte > 255)) throw new Error('an escape for NUL or for no byte');
    if (byte !== null) bytes.push(Buffer.from([byte]));
    else if (u4 !== undefined || u8 !== undefined) bytes.push(Buffer.from(String.fromCodePoint(parseInt(u4 ?? u8 ?? '', 16))));
    else if (letter !== undefined) bytes.push(Buffer.from(ESCAPES[letter] ?? unknownEscape(letter)));
    else bytes.push(Buffer.from(all));
    at += all.length;
  }
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(bytes));
}

function unknownEscape(letter: string): never {
  throw new Error(`an unknown escape \\${letter}`);
}

/** Expands `%%` and the specifiers given; any other throws. */
export function expandSpecifiers(text: string, specifiers: Readonly<Record<string, string>> = {}): string {
  return text.replace(/%(.?)/gsu, (_, letter: string) => {
    const value = letter === '%' ? '%' : specifiers[letter];
    if (value === undefined) throw new Error(`a specifier %${letter}`);
    return value;
  });
}

/** What the program of an Exec line is started with; a variable (`$X`, `${X}`) throws. */
export function execArgv(value: string): string[] {
  return splitWords(value).map((word) => expandSpecifiers(word)).map((word, index) => {
    // `$$` is a dollar sign; any other could stand for a variable, and in the program's own name none is expanded.
    if (index === 0 && word.includes('$')) throw new Error('a dollar sign in the name of the program');
    return word.replace(/\$(.?)/gsu, (_, next: string) => {
      if (next !== '$') throw new Error(`a variable $${next}`);
      return '$';
    });
  });
}

/** The paths of RequiresMountsFor=: a backslash takes the next character as it is, C escapes are not read. */
export function pathWords(value: string): string[] {
  const paths: string[] = [];
  let rest = value;
  while ((rest = rest.replace(/^[ \t]+/, '')) !== '') {
    const match = /^(?:"((?:[^"\\]|\\["\\])*)"|([^\s"'\\]+))(?=[ \t]|$)/su.exec(rest);
    if (match === null) throw new Error(`not paths: ${JSON.stringify(rest)}`);
    paths.push(expandSpecifiers(match[2] ?? (match[1] ?? '').replace(/\\(.)/gsu, '$1')));
    rest = rest.slice(match[0].length);
  }
  return paths;
}
