/**
 * Lets a run that ends find out for little that there is nothing to do: no change in the CMDB since a pass that found all
 * as it should be, and on this host nothing that such a pass looks at. fc-proxy has fc-sync look for every unknown name,
 * and cron each minute; with ten thousand apps a whole look takes seconds.
 *
 * What leaves no trace (TRUNCATE, a socket that somebody stopped and made again by hand) is found by the next whole look:
 * there is one every few minutes, as with --watch.
 */
import { createHash } from 'node:crypto';
import { stat, readFile, readdir, rm } from 'node:fs/promises';
import { ifThere, writeFileAtomic } from '../files.ts';
import type { Standing } from '../cmdb/history.ts';
import type { Config } from '../config/config.ts';
import { doorWants, type Paths, portWants } from '../systemd/paths.ts';
import type { Templates } from '../units/template.ts';
import { jsonOrNull } from './json-or-null.ts';
import { standingText } from './standing.ts';

/** A whole look at least this often. */
const WHOLE_LOOK_MS = 300_000;

/** That a pass found all as it should be. */
interface Settled {
  /** What it went by: configuration, templates, program. */
  readonly setup: string;
  /** Where the host stood, as standingText() has it. */
  readonly standing: string;
  /** Of what it looked at on the host. */
  readonly traces: string;
  /** Until when that is good, ms since the epoch. */
  readonly untilMs: number;
  /** What it said of that: the last line of its plan. */
  readonly says: string;
}

/** How long the outcome of a pass is good that began at `nowMs`, if `nextInMs` later there is something to do. */
export function goodUntil(nowMs: number, nextInMs: number | null): number {
  return nowMs + Math.min(WHOLE_LOOK_MS, nextInMs ?? Infinity);
}

/** What a pass goes by apart from rows: another text for another configuration, other templates or another program. */
export async function setupOf(config: Config, templates: Templates, program: string): Promise<string> {
  // Its change time is new with each installation, whatever times the files bring along.
  const { ino, ctimeNs } = await stat(program, { bigint: true });
  return createHash('sha256').update(JSON.stringify([config, templates, String(ino), String(ctimeNs)])).digest('hex');
}

/** The file that keeps it, for the runs of one setup. */
export class SettledFile {
  readonly #path: string;
  readonly #setup: string;
  /** What it holds as far as this run knows; undefined: that is not known. */
  #noted: Settled | null | undefined;

  constructor(path: string, setup: string) {
    this.#path = path;
    this.#setup = setup;
  }

  /** Keeps the outcome of a pass that left the host at `standing`. */
  async note(settled: PassOutcome | null, standing: Standing): Promise<void> {
    if (settled === null) {
      if (this.#noted !== null) await rm(this.#path, { force: true });
      this.#noted = null;
      return;
    }
    const news: Settled = { ...settled, setup: this.#setup, standing: standingText(standing) };
    const old = this.#noted ?? null;
    // Passes follow each other closely with --watch: it is good long enough to be renewed now and then.
    if (old !== null && saysTheSame(old, news) && old.untilMs - news.untilMs > -WHOLE_LOOK_MS / 2) return;
    await writeFileAtomic(this.#path, `${JSON.stringify(news)}\n`, { mode: 0o600 });
    this.#noted = news;
  }

  /**
   * @param readStandingNow where the CMDB is now, if it is where the host stands or has gone on from there; asked last
   * @returns what the pass said that found all as it should be, null when that does not hold any more
   */
  async holds(paths: Paths, readStandingNow: () => Promise<Standing>): Promise<string | null> {
    const settled = parseSettled(jsonOrNull(await ifThere(readFile(this.#path, 'utf8'))));
    const nowMs = Date.now();
    if (settled === null || settled.setup !== this.#setup || nowMs >= settled.untilMs || nowMs < settled.untilMs - WHOLE_LOOK_MS) return null;
    if (settled.traces !== await tracesOf(paths)) return null;
    return settled.standing === standingText(await readStandingNow()) ? settled.says : null;
  }
}

export type PassOutcome = Pick<Settled, 'traces' | 'untilMs' | 'says'>;

function saysTheSame(one: Settled, other: Settled): boolean {
  return one.standing === other.standing && one.traces === other.traces && one.says === other.says;
}

function parseSettled(value: unknown): Settled | null {
  if (typeof value !== 'object' || value === null) return null;
  const { setup, standing, traces, untilMs, says }: Partial<Record<keyof Settled, unknown>> = value;
  if (typeof setup !== 'string' || typeof standing !== 'string' || typeof traces !== 'string' || typeof untilMs !== 'number' || typeof says !== 'string') return null;
  return { setup, standing, traces, untilMs, says };
}

/** Another text when a file, link, socket or namespace has come or gone that a pass looks at. */
export async function tracesOf(paths: Paths): Promise<string> {
  const folders = [paths.units, doorWants(paths), portWants(paths), paths.env, paths.net, paths.images, paths.imageFailures, paths.ports, paths.netns];
  const times = await Promise.all(folders.map(async (path) => String((await ifThere(stat(path, { bigint: true })))?.mtimeNs ?? 0n)));
  const files = await Promise.all([paths.snapshot, paths.state].map(async (path) => {
    const { ino, size, mtimeNs } = (await ifThere(stat(path, { bigint: true }))) ?? { ino: 0n, size: 0n, mtimeNs: 0n };
    return `${ino} ${size} ${mtimeNs}`;
  }));
  // The folder changes with each start and stop of an app, its doors do not; RemoveOnStop= takes away the one of a socket that has failed.
  const doors = ((await ifThere(readdir(paths.run))) ?? []).filter((name) => !name.endsWith('.pid')).sort();
  return createHash('sha256').update(JSON.stringify([times, files, doors])).digest('hex');
}
