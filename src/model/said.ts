/**
 * What of an app's row makes its generation, column by column, as the row would say it: kept beside the generation
 * (sync/rows-said.ts), so that `fc-sync plan` can tell what has changed since. Values of the environment are secret: of each
 * only a digest is here, which tells whether it is another one. Pure.
 */
import { createHash } from 'node:crypto';
import type { App, AppSource } from './app.ts';

export interface Said {
  /** Raised by a recycle; not the row's. */
  readonly incarnation: number;
  /** Column → value; null: NULL. */
  readonly columns: ReadonlyMap<string, string | null>;
  /** Variable → digest of its value. */
  readonly env: ReadonlyMap<string, string>;
}

export function saidBy(app: App, incarnation: number): Said {
  const { source } = app;
  return {
    incarnation,
    columns: new Map<string, string | null>([
      ['image', source.kind === 'rootfs' ? null : imageText(source)],
      ['rootfs', source.kind === 'rootfs' ? source.path : null],
      ['command', app.command === null ? null : JSON.stringify(app.command)],
      ['port', String(app.port)],
      ['volumes', app.volumes.length === 0 ? null : JSON.stringify(app.volumes.map(({ host, container, readOnly }) => `${host}:${container}${readOnly ? ':ro' : ''}`))],
      ['network', app.network],
      ['memory_max', app.memoryMax],
      ['cpu_quota', app.cpuQuota],
      ['tasks_max', textOf(app.tasksMax)],
      ['idle_timeout_s', textOf(app.idleTimeoutS)],
      ['lifetime_s', textOf(app.lifetimeS)],
      ['start_timeout_s', textOf(app.startTimeoutS)],
      ['stop_timeout_s', textOf(app.stopTimeoutS)],
      ['ready_path', app.readyPath],
      ['uid_base', textOf(app.uidBase)],
    ]),
    env: new Map([...app.env].map(([name, value]) => [name, createHash('sha256').update(`${app.name}\0${name}\0${value}`).digest('hex').slice(0, 16)])),
  };
}

export function saidText({ incarnation, columns, env }: Said): string {
  return `${JSON.stringify({ incarnation, columns: Object.fromEntries(columns), env: Object.fromEntries(env) })}\n`;
}

/** The inverse of saidText(); null: it is none. */
export function parseSaid(text: string): Said | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { incarnation, columns, env }: Partial<Record<keyof Said, unknown>> = value;
  if (typeof incarnation !== 'number' || typeof columns !== 'object' || columns === null || typeof env !== 'object' || env === null) return null;
  const isText = (entry: [string, unknown]): entry is [string, string] => typeof entry[1] === 'string';
  const isTextOrNull = (entry: [string, unknown]): entry is [string, string | null] => entry[1] === null || typeof entry[1] === 'string';
  return { incarnation, columns: new Map(Object.entries(columns).filter(isTextOrNull)), env: new Map(Object.entries(env).filter(isText)) };
}

function textOf(value: number | null): string | null {
  return value === null ? null : String(value);
}

/** As the column `image` has it. */
export function imageText(source: Exclude<AppSource, { kind: 'rootfs' }>): string {
  if (source.kind === 'image') return source.image;
  return `${source.transport}:${source.path}${source.tag === null ? '' : `:${source.tag}`}`;
}
