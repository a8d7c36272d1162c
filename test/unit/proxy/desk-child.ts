/**
 * A process of fc-proxy without its server, as the desk's tests fork it: `desk-child.ts PATH INSTANCE PROCESSES
 * MAX_STARTS`. The systemd that it asks is its parent, so that a start goes on when this process is killed.
 */
import { Activator } from '../../../src/proxy/activate.ts';
import { Books } from '../../../src/proxy/books.ts';
import { systemClock as clock } from '../../../src/proxy/clock.ts';
import { DeskOfHost } from '../../../src/proxy/desk.ts';
import { Starts } from '../../../src/proxy/starts.ts';
import type { JobResult, JobVerb, UnitState } from '../../../src/systemd/manager.ts';
import { FakeManager, generationOf, MemoryLog } from './support.ts';

export type FromChild =
  | { readonly ready: true }
  | { readonly call: number; readonly verb: JobVerb; readonly unit: string }
  | { readonly list: number; readonly patterns: readonly string[] }
  | { readonly app: string; readonly end: string };

export type ToChild =
  | { readonly want: string }
  | { readonly leave: true }
  | { readonly call: number; readonly result: JobResult }
  | { readonly list: number; readonly units: readonly UnitState[] };

const [path = '', instance, processes, maxStarts] = process.argv.slice(2);
const say = (word: FromChild): void => { process.send?.(word); };

class Parent extends FakeManager {
  readonly jobs = new Map<number, (result: JobResult) => void>();
  readonly lists = new Map<number, (units: UnitState[]) => void>();
  #calls = 0;

  override run(verb: JobVerb, unit: string): Promise<JobResult> {
    const call = ++this.#calls;
    say({ call, verb, unit });
    return new Promise((resolve) => { this.jobs.set(call, resolve); });
  }

  override list(patterns: readonly string[]): Promise<UnitState[]> {
    const list = ++this.#calls;
    say({ list, patterns });
    return new Promise((resolve) => { this.lists.set(list, resolve); });
  }

  restarts(): Promise<number> {
    return Promise.resolve(1);
  }
}

const manager = new Parent();
const log = new MemoryLog();
const starts = new Starts(clock);
const desk = new DeskOfHost({ manager, clock, log, starts, maxStarts: Number(maxStarts), processes: Number(processes), instance: Number(instance), path });
const activator = new Activator({ manager, clock, log, starts, books: new Books(clock), maxWaiting: 100 });

process.on('message', (word: ToChild) => {
  if ('want' in word) {
    const { done } = activator.wait(activator.generation(generationOf(word.want)), clock.now(), clock.now() + 60_000);
    done.then(() => 'awake', (error: unknown) => String(error)).then((end) => { say({ app: word.want, end }); }, () => undefined);
  } else if ('leave' in word) desk.leave();
  else if ('call' in word) manager.jobs.get(word.call)?.(word.result);
  else manager.lists.get(word.list)?.([...word.units]);
});
process.on('disconnect', () => { process.exit(0); });

desk.found(await manager.list(['fc-ctr-*.service']));
await desk.open(() => undefined);
say({ ready: true });
