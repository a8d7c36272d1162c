/** What a check has found, and what helps. */

/** `error`: something does not work, or will not. `warning`: it works, and is in danger or less safe. `info`: good to know. */
export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Remedy {
  /** A command for root's shell, a statement for whoever may write the CMDB, or something that only a person can do. */
  readonly kind: 'command' | 'sql' | 'advice';
  readonly text: string;
}

export interface Finding {
  readonly severity: Severity;
  /** What was seen, as a sentence without a full stop. */
  readonly seen: string;
  /** What it means for the host. */
  readonly means: string;
  readonly remedy: Remedy;
}

type Maker = (seen: string, means: string, remedy: Remedy) => Finding;

function maker(severity: Severity): Maker {
  return (seen, means, remedy) => ({ severity, seen, means, remedy });
}

export const error = maker('error');
export const warning = maker('warning');
export const info = maker('info');

/** A command that can be pasted; words that come from elsewhere go through `shellWord`. */
export function command(text: string): Remedy {
  return { kind: 'command', text };
}

export function sql(text: string): Remedy {
  return { kind: 'sql', text };
}

export function advice(text: string): Remedy {
  return { kind: 'advice', text };
}

/** Of many findings of one kind, the first few, and one that says how many more there are. */
export function atMost(most: number, findings: readonly Finding[]): readonly Finding[] {
  const [first] = findings.slice(most);
  if (first === undefined) return findings;
  const rest = findings.length - most;
  return [...findings.slice(0, most), { ...first, seen: `${rest} more like these`, remedy: advice('fc-doctor shows them once these are mended') }];
}
