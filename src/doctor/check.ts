/** A check: what it looks at, and what it makes of that. The looking asks the host, the judging is pure. */
import type { Finding } from './finding.ts';
import type { Host } from './host.ts';

export interface Check {
  /** For --only, and before each of its findings. */
  readonly id: string;
  /** What it looks at, for the reference: a sentence without a full stop. */
  readonly looksAt: string;
  /** @throws NotLooked; whatever else is a fault of the check's own */
  readonly examine: (host: Host) => Promise<readonly Finding[]>;
}

/** A check could not look, for a reason that is none of its own: a permission, another check's finding. */
export class NotLooked extends Error {
  override readonly name: string = 'NotLooked';
}

export interface Parts<F> {
  readonly id: string;
  readonly looksAt: string;
  readonly look: (host: Host) => Promise<F>;
  readonly judge: (facts: F) => readonly Finding[];
}

export function check<F>({ id, looksAt, look, judge }: Parts<F>): Check {
  return { id, looksAt, examine: async (host) => judge(await look(host)) };
}
