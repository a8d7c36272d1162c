/** Where this process asks for starts, and what else it has to do with the others: by what it is, and until it ends. */
import type { Logger } from '../log.ts';
import type { Manager, UnitState } from '../systemd/manager.ts';
import type { Clock } from './clock.ts';
import { DeskClient } from './desk-client.ts';
import { DeskServer } from './desk-server.ts';
import { ownDesk, startingOf } from './own-desk.ts';
import { share } from './processes.ts';
import { Siblings } from './siblings.ts';
import type { StartDesk } from './start-desk.ts';
import type { Starts } from './starts.ts';

export interface DeskOptions {
  readonly manager: Manager & { restarts(service: string): Promise<number> };
  readonly clock: Clock;
  readonly log: Logger;
  readonly starts: Starts;
  readonly maxStarts: number;
  readonly processes: number;
  /** Which of the processes this is, from 1 on; the first has the desk. */
  readonly instance: number;
  /** Of the desk's socket; null: this process is the only one. */
  readonly path: string | null;
}

const SERVICE = 'fc-proxy.service';

export class DeskOfHost {
  readonly #options: DeskOptions;
  readonly #desk: StartDesk | null;
  #server: DeskServer | null = null;
  #client: DeskClient | null = null;
  #siblings: Siblings | null = null;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#desk = options.instance === 1 ? ownDesk(options) : null;
    if (this.#desk !== null) options.starts.attach(this.#desk);
  }

  /** What the host's containers do before this process serves. */
  found(units: readonly UnitState[]): void {
    this.#desk?.adopt(startingOf(units));
  }

  /**
   * This process serves.
   * @param superfluous called when it is not to: there are to be fewer processes, or none
   */
  async open(superfluous: (why: string) => void): Promise<void> {
    const { path, processes, instance, log } = this.#options;
    if (path === null) return;
    if (this.#desk === null) {
      this.#go(path,
        (count) => { if (instance > count) superfluous('there are to be fewer processes'); },
        () => { void this.#isStopped().then((stopped) => { if (stopped) superfluous(`${SERVICE} has been stopped`); }); });
      return;
    }
    const siblings = new Siblings(this.#options);
    this.#siblings = siblings;
    this.#server = new DeskServer({ desk: this.#desk, processes, log, joined: (hello) => { siblings.joined(hello); } });
    this.#desk.settle();
    try {
      await this.#server.listen(path);
    } catch (error) {
      log.error('other processes cannot ask this one for starts', { path, error: error instanceof Error ? error : String(error) });
    }
    if (processes > 1) void siblings.start(await this.#verb());
  }

  /** After a crash the others are as good as they were; after a restart they are of yesterday. */
  async #verb(): Promise<'start' | 'restart'> {
    try {
      return (await this.#options.manager.restarts(SERVICE)) > 0 ? 'start' : 'restart';
    } catch {
      return 'start';
    }
  }

  /** This process accepts no more: whoever succeeds it has the desk, and is asked for what is still to be started. */
  leave(): void {
    const { starts, path } = this.#options;
    this.#siblings?.stop();
    if (this.#server === null || path === null) return;
    this.#server.close();
    starts.detach();
    this.#go(path, () => undefined, () => undefined);
  }

  close(): void {
    this.#client?.close();
  }

  /** Whether the first process is meant to be away, and not about to come back. */
  async #isStopped(): Promise<boolean> {
    try {
      const units = await this.#options.manager.list([SERVICE]);
      return !units.some(({ unit, activeState }) => unit === SERVICE && activeState !== 'inactive');
    } catch {
      return false;
    }
  }

  #go(path: string, welcomed: (processes: number) => void, missed: () => void): void {
    const { maxStarts, processes } = this.#options;
    const fallback = (): StartDesk => ownDesk({ ...this.#options, maxStarts: share(maxStarts, processes) });
    this.#client = new DeskClient({ ...this.#options, path, fallback, welcomed, missed });
  }
}
