/**
 * The lines of an ini file. `ini`'s own parse() drops repeated keys and lines
 * that it cannot read, cuts values at `;` and `#`, and knows no line numbers;
 * this walk splits lines as it does, decodes them with its unsafe(), and says
 * what would have been lost.
 */
import { unsafe } from 'ini';
import type { ConfigProblem } from './error.ts';

export interface Heading {
  readonly line: number;
  readonly section: string;
}

/** A key and its value, quotes and comments removed. */
export interface Setting extends Heading {
  readonly key: string;
  readonly text: string;
}

export interface Scan {
  readonly headings: readonly Heading[];
  readonly settings: readonly Setting[];
  readonly problems: readonly ConfigProblem[];
}

/** A decoded value; within single quotes `ini` reads JSON of any type. */
function decode(raw: string): string {
  const value: unknown = unsafe(raw);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What decoding loses of a value, or null. */
function loss(raw: string): string | null {
  const text = raw.trim();
  if (/^["']/.test(text)) {
    // Only a value quoted from end to end is a quoted value to `ini`; else the quotes stay in it.
    return /^["']/.test(decode(text)) || text.length < 2
      ? 'is not well quoted: nothing, not even a comment, may follow the closing quote, and a \\ begins an escape'
      : null;
  }
  const [kept, cut] = /^(?:\\.|[^\\;#])*([;#])/.exec(text) ?? [];
  if (kept === undefined || cut === undefined || /^.$|\s.$/.test(kept)) return null;
  return `is cut off at its "${cut}": write \\${cut}, or a blank before it if a comment is meant`;
}

/** Finds every section and setting, and every line that `ini` would pass over in silence. */
export function scan(text: string): Scan {
  const headings: Heading[] = [];
  const settings: Setting[] = [];
  const problems: ConfigProblem[] = [];
  const first = new Map<string, number>();
  let section: string | null = null;

  text.split(/\r\n|\r|\n/).forEach((content, index) => {
    const line = index + 1;
    const shown = JSON.stringify(content.trim().slice(0, 40));
    if (/^\s*([;#]|$)/.test(content)) return;
    const bracketed = /^\s*\[([^\]]*)/.exec(content)?.[1];
    if (bracketed !== undefined) {
      section = decode(bracketed);
      headings.push({ line, section });
      if (!/^\[[^\]]*\]\s*$/.test(content)) {
        problems.push({ line, what: shown, why: 'a section begins at the start of its line, and nothing may follow it' });
      }
      return;
    }
    const match = /^([^=]+)(=(.*))?$/.exec(content);
    const key = match?.[1] === undefined ? '' : decode(match[1]);
    if (match === null || key === '') {
      problems.push({ line, what: shown, why: 'is not of the form key = value' });
      return;
    }
    if (section === null) {
      problems.push({ line, what: key, why: 'stands before the first [section]' });
      return;
    }
    const what = `[${section}] ${key}`;
    const before = first.get(what);
    if (before === undefined) first.set(what, line);
    else problems.push({ line, what, why: `is set already in line ${before}` });

    const raw = match[3];
    const lost = raw === undefined ? 'has no value: write key = value' : loss(raw);
    if (raw === undefined || lost !== null) problems.push({ line, what, why: lost ?? '' });
    else settings.push({ line, section, key, text: decode(raw) });
  });
  return { headings, settings, problems };
}
