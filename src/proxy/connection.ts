/** One client's connection: who is there, and what of it is still going on. */
import type { Socket } from 'node:net';
import type { Entry } from './entry.ts';
import type { Origin } from './headers.ts';

/** Something that a connection's end interrupts. */
export interface Activity {
  /** Whether an answer has begun, so that nothing else can be said on the connection. */
  readonly answering: boolean;
  /** Null: it counts nowhere. */
  readonly entry: Entry | null;
  clientGone(): void;
}

export class Connection implements Origin {
  readonly socket: Socket;
  readonly address: string;
  readonly trusted: boolean;
  readonly internal: boolean;
  /**
   * No Set: one that is added to and deleted from for each request makes a chain of its former tables, and these
   * keep all that was ever in it until the next full garbage collection (V8's ordered hash tables).
   */
  readonly #activities: Activity[] = [];
  /** When it last became idle, on the proxy's clock. */
  idleSince: number;

  constructor(socket: Socket, trusted: (address: string) => boolean, internal: boolean, now: number) {
    this.socket = socket;
    // A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d.
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
    this.trusted = trusted(this.address);
    this.internal = internal;
    this.idleSince = now;
    socket.once('close', () => {
      this.clientGone();
    });
  }

  /** Something goes on until end(). */
  begin(activity: Activity): void {
    this.#activities.push(activity);
  }

  end(activity: Activity): void {
    const at = this.#activities.indexOf(activity);
    if (at >= 0) this.#activities.splice(at, 1);
  }

  get activities(): readonly Activity[] {
    return this.#activities;
  }

  /** Whether an answer has begun, so that nothing else can be said. */
  get answering(): boolean {
    return this.#activities.some(({ answering }) => answering);
  }

  /** Nobody waits for answers any more. */
  clientGone(): void {
    for (const activity of [...this.#activities]) activity.clientGone();
  }

  /** Whether nothing is going on, and nothing has been since `since`. */
  idle(since: number): boolean {
    return this.#activities.length === 0 && this.idleSince <= since;
  }
}
