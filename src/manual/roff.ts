/** Text as man(7) macros. Pure. */

/**
 * Plain text, with `code` in backquotes in bold, as roff: what roff would read as a request, an escape or a typographic
 * sign stands for itself.
 */
export function roff(text: string): string {
  return text.split('`').map((part, at) => (at % 2 === 1 ? `\\fB${escaped(part)}\\fR` : escaped(part))).join('');
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replaceAll('^', '\\(ha').replaceAll('~', '\\(ti')
    .replaceAll('…', '\\&...').replaceAll('→', '\\->').replace(/^\./gm, '\\&.');
}

export interface Page {
  /** `fc-sync` and 8. */
  readonly name: string;
  readonly section: number;
  readonly summary: string;
  /** Blocks of roff, from SYNOPSIS on. */
  readonly blocks: readonly string[];
  readonly seeAlso: readonly string[];
}

/** A whole page, for `man/<name>.<section>`. */
export function pageText({ name, section, summary, blocks, seeAlso }: Page, version: string): string {
  return [
    `.TH "${roff(name.toUpperCase())}" "${section}" "" "FastContainer ${roff(version)}" "FastContainer"`,
    // No hyphens of its own, and no stretched lines: names and commands are to be copied.
    '.nh',
    '.ad l',
    heading('NAME'),
    `${roff(name)} \\- ${roff(summary)}`,
    ...blocks,
    heading('SEE ALSO'),
    seeAlso.map(reference).join(',\n'),
    '',
  ].join('\n');
}

function reference(text: string): string {
  const [, name = '', section = ''] = /^(.*)\((\d)\)$/.exec(text) ?? [];
  return `\\fB${escaped(name)}\\fR(${section})`;
}

export function heading(title: string): string {
  return `.SH "${roff(title)}"`;
}

export function subheading(title: string): string {
  return `.SS "${roff(title)}"`;
}

export function paragraph(text: string): string {
  return `.PP\n${roff(text)}`;
}

/** A term and what it is. */
export function item(term: string, ...lines: readonly string[]): string {
  return `.TP\n\\fB${escaped(term)}\\fR\n${lines.map(roff).join('\n.br\n')}`;
}

export function example(code: string): string {
  return `.PP\n.RS 4\n.nf\n${escaped(code)}\n.fi\n.RE`;
}
