/** What our units said, and what of it nobody expected. */

export interface JournalLine {
  readonly unit: string;
  /** 0 emergency … 4 warning … 6 info (syslog(3)). */
  readonly priority: number;
  readonly message: string;
}

/** Lines of `journalctl -o json`. */
export function parseJournal(text: string): JournalLine[] {
  return text.split('\n').filter((line) => line !== '').map((line) => {
    const record: unknown = JSON.parse(line);
    if (typeof record !== 'object' || record === null) throw new Error(`journalctl printed ${line}`);
    const fields = new Map<string, unknown>(Object.entries(record));
    // PID 1 speaks about a unit (UNIT), a process speaks from within one (_SYSTEMD_UNIT).
    const unit = fields.get('UNIT') ?? fields.get('_SYSTEMD_UNIT');
    return { unit: typeof unit === 'string' ? unit : '', priority: Number(fields.get('PRIORITY') ?? 6), message: messageText(fields.get('MESSAGE')) };
  });
}

/** A message with bytes that are no text comes as an array of numbers. */
function messageText(message: unknown): string {
  if (typeof message === 'string') return message;
  return Array.isArray(message) ? Buffer.from(message.map(Number)).toString('utf8') : '';
}

/** A program that dies says so without a priority, and so at the default one. */
const CRASH = /^\s+at .*[:(]|^\w*Error\b.*:|^Node\.js v|Warning: |\bunhandled|\buncaught/i;

/**
 * Lines that are a warning or worse, or look like a crash, and match none of `expected`
 * (which is matched against `unit: message`). What apps say is theirs.
 */
export function unexpectedLines(lines: readonly JournalLine[], expected: readonly RegExp[]): string[] {
  return lines
    .filter(({ unit, priority, message }) => priority <= 4 || (/^fc-(sync|proxy|admin)/.test(unit) && CRASH.test(message)))
    .map(({ unit, message }) => `${unit}: ${message}`)
    .filter((line) => !expected.some((pattern) => pattern.test(line)));
}
