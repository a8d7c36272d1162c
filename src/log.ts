/** Log lines on standard error: one record, one line, fit for the journal and for a terminal. */
import { fstatSync } from 'node:fs';

export type LogFields = Readonly<Record<string, string | number | bigint | boolean | null | undefined | Error>>;

export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** sd-daemon(3) priority, and what a terminal shows in its place. */
const LEVELS = {
  info: { journal: '<6>', terminal: '' },
  warn: { journal: '<4>', terminal: 'warning: ' },
  error: { journal: '<3>', terminal: 'error: ' },
} as const;

/**
 * Everything that could end the line, move the cursor or reorder the text is
 * escaped: values come from rows and from requests.
 */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    switch (character) {
      case '\n': return '\\n';
      case '\r': return '\\r';
      case '\t': return '\\t';
      default: return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
    }
  });
}

/** The message of an error and of what caused it. */
function errorText(error: Error): string {
  const { cause } = error;
  // Errors of this program say their cause in their own message already.
  return cause instanceof Error && !error.message.includes(cause.message)
    ? `${error.message}: ${errorText(cause)}`
    : error.message;
}

function fieldText(value: string | number | bigint | boolean | null | Error): string {
  const text = value instanceof Error ? errorText(value) : String(value);
  return text === '' || /[\s"=\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
}

/** A logger that gives finished lines, newline included, to `write`. */
export function createLogger(write: (line: string) => void, toJournal: boolean): Logger {
  const at = (level: keyof typeof LEVELS) => (message: string, fields: LogFields = {}): void => {
    const parts = [message];
    for (const [key, value] of Object.entries(fields)) {
      if (value !== undefined) parts.push(`${key}=${fieldText(value)}`);
    }
    write(`${LEVELS[level][toJournal ? 'journal' : 'terminal']}${oneLine(parts.join(' '))}\n`);
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

/**
 * Whether standard error is the journal: JOURNAL_STREAM names its device and
 * inode, and is inherited by children whose output goes elsewhere (systemd.exec(5)).
 */
export function stderrIsJournal(stream = process.env['JOURNAL_STREAM']): boolean {
  if (stream === undefined || stream === '') return false;
  try {
    const { dev, ino } = fstatSync(2, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false; // no standard error
  }
}

export const log: Logger = createLogger((line) => { process.stderr.write(line); }, stderrIsJournal());
