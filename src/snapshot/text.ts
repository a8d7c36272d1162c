/**
 * Snapshot → text and back. The text is JSON with a line for each app, so that a reader that follows it parses only the
 * lines that it has not seen: of ten thousand apps, those that changed.
 */
import { setImmediate as othersTurn } from 'node:timers/promises';
import type { Host } from '../model/app.ts';
import type { Snapshot, SnapshotApp } from './format.ts';
import { parseSnapshot, parseSnapshotApp, parseSnapshotHead, SnapshotError } from './parse.ts';

const HEAD_END = '"apps":[';
const LAST_LINE = ']}';

export function snapshotText({ format, host, revision, hosts, apps }: Snapshot): string {
  const head = JSON.stringify({ format, host, revision, hosts });
  return `${head.slice(0, -1)},${HEAD_END}\n${apps.map(lineOf).join(',\n')}\n${LAST_LINE}\n`;
}

const lines = new WeakMap<SnapshotApp, string>();

function lineOf(app: SnapshotApp): string {
  const known = lines.get(app);
  if (known !== undefined) return known;
  const line = JSON.stringify(app);
  lines.set(app, line);
  return line;
}

/** About a millisecond's work where nothing is new. */
const LINES_AT_ONCE = 500;

/**
 * Reads the snapshots of one file, one after the other. An app or a list of hosts that says what it said before is the
 * same object as before.
 */
export class SnapshotReader {
  /** Line, without its comma → its app. Made anew each time: a line is a part of the text it came with, and keeps all of it. */
  #apps: ReadonlyMap<string, SnapshotApp> = new Map();
  #hosts: readonly Host[] = [];

  /**
   * Lets others have a turn in between. One reading at a time.
   * @throws SnapshotError
   */
  async read(text: string): Promise<Snapshot> {
    const [first = '', ...lines] = text.trimEnd().split('\n');
    // Another layout is as good, and is read in one piece.
    if (!first.endsWith(HEAD_END) || lines.pop() !== LAST_LINE) return this.#keepHosts(parseSnapshot(text));
    const head = parseSnapshotHead(parseJson(`${first}${LAST_LINE}`));
    const seen = new Map<string, SnapshotApp>();
    const apps: SnapshotApp[] = [];
    for (const [index, line] of lines.entries()) {
      if (line === '') continue; // of no apps
      const own = index + 1 < lines.length ? line.slice(0, -1) : line;
      const app = this.#apps.get(own) ?? parseSnapshotApp(parseJson(own), index);
      seen.set(own, app);
      apps.push(app);
      if (index % LINES_AT_ONCE === LINES_AT_ONCE - 1) await othersTurn();
    }
    this.#apps = seen;
    return this.#keepHosts({ ...head, apps });
  }

  #keepHosts(snapshot: Snapshot): Snapshot {
    if (JSON.stringify(snapshot.hosts) !== JSON.stringify(this.#hosts)) this.#hosts = snapshot.hosts;
    return { ...snapshot, hosts: this.#hosts };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SnapshotError('snapshot: the file is not JSON', { cause });
  }
}
