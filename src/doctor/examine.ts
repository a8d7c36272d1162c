/** Has checks look at a host: several at once, each for a while at most, and none hinders another. */
import { advice, error, type Finding } from './finding.ts';
import { type Check, NotLooked } from './check.ts';
import type { Host } from './host.ts';

export interface Examined {
  readonly check: Check;
  readonly findings: readonly Finding[];
  /** Why it could not look; null: it has. */
  readonly unseen: string | null;
}

/** Most of them wait for programs, and the host has other things to do. */
const PARALLEL = 8;
const TIMEOUT_MS = 20_000;

/** In the order of `checks`. */
export async function examineAll(checks: readonly Check[], host: Host, timeoutMs = TIMEOUT_MS): Promise<readonly Examined[]> {
  const results = new Map<Check, Examined>();
  const queue = [...checks];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results.set(next, await examine(next, host, timeoutMs));
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return checks.flatMap((check) => results.get(check) ?? []);
}

async function examine(check: Check, host: Host, timeoutMs: number): Promise<Examined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new NotLooked(`it has not ended within ${timeoutMs / 1000} s`)); }, timeoutMs);
  });
  try {
    return { check, findings: await Promise.race([check.examine(host), late]), unseen: null };
  } catch (cause) {
    const unseen = whyUnseen(cause);
    if (unseen !== null) return { check, findings: [], unseen };
    const seen = `the check "${check.id}" failed: ${cause instanceof Error ? cause.message : String(cause)}`;
    return { check, findings: [error(seen, 'what it looks at is not known', advice('this is a fault of fc-doctor, or of what it looked at'))], unseen: null };
  } finally {
    clearTimeout(timer);
  }
}

/** Null: it is a fault of the check's own. */
function whyUnseen(cause: unknown): string | null {
  if (cause instanceof NotLooked) return cause.message;
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : null;
  return code === 'EACCES' || code === 'EPERM' ? 'only root may look there' : null;
}
