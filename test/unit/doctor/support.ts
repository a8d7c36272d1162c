import assert from 'node:assert/strict';
import type { Finding, Severity } from '../../../src/doctor/finding.ts';

/** What a finding is to be: its severity, what was seen, and the remedy. */
export type Expected = readonly [severity: Severity, seen: RegExp, remedy: RegExp];

/** These findings and no others, in this order. */
export function assertFinds(findings: readonly Finding[], ...expected: readonly Expected[]): void {
  assert.deepEqual(findings.map(({ severity, seen }) => `${severity}: ${seen}`).length, expected.length, JSON.stringify(findings, null, 1));
  for (const [at, [severity, seen, remedy]] of expected.entries()) {
    const finding = findings[at];
    assert.ok(finding !== undefined);
    assert.equal(finding.severity, severity, finding.seen);
    assert.match(finding.seen, seen);
    assert.match(finding.remedy.text, remedy);
    // They become parts of one sentence.
    for (const text of [finding.seen, finding.means]) assert.doesNotMatch(text, /\.$|\n|^\s*$/);
  }
}
