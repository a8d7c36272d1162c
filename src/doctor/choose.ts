import { UsageError } from '../cli/spec.ts';
import { printable } from '../model/printable.ts';
import type { Check } from './check.ts';

/** The checks that --only names, in their own order; all when it was not given. @throws UsageError */
export function choose(checks: readonly Check[], only: readonly string[]): readonly Check[] {
  if (only.length === 0) return checks;
  const ids = only.flatMap((text) => text.split(',')).map((id) => id.trim());
  const stray = ids.find((id) => !checks.some((check) => check.id === id));
  if (stray !== undefined) throw new UsageError(`there is no check '${printable(stray)}': fc-doctor --list prints them`);
  return checks.filter(({ id }) => ids.includes(id));
}
