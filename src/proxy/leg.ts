/** One attempt's way: straight to the app here, or to the fc-proxy of the host that has it. */
import type httpProxy from 'http-proxy';
import type { Activator } from './activate.ts';
import type { Generation } from './generation.ts';
import { HOP } from './headers.ts';
import type { HopProblem } from './hop-problem.ts';
import { isUnreached, type Peer, type Rider } from './peer.ts';
import { Problem } from './problem.ts';
import type { SickPlaces } from './sick.ts';
import type { Tally } from './tally.ts';
import type { Path } from './upstream.ts';
import type { Request } from './wire/request.ts';
import type { Answered } from './wire/wire.ts';

interface AnyLeg {
  /** What the journal calls it. */
  readonly name: Readonly<Record<string, string>>;
  /** Where its requests are counted. */
  readonly tally: Tally;
  /** Fields that go with the request. */
  readonly fields: readonly string[];
  /** How http-proxy gets there. */
  readonly tunnel: httpProxy.ServerOptions;
  begin(rider: Rider): void;
  end(rider: Rider): void;
  dispatch(request: Request, answered: Answered): void;
  /** The app has answered. */
  answered(): void;
  /** The attempt failed: the next ones should know of it, also when this request is lost. */
  suspect(error: Error): void;
  /** What the client is told once no further attempt is made. */
  givenUp(sent: boolean, error: Error): Problem;
}

export type Leg = LocalLeg | HopLeg;

/** To the app, which is awake. */
export class LocalLeg implements AnyLeg {
  readonly kind = 'here';
  readonly generation: Generation;
  /** The generation's epoch, and the way to it, when the attempt began. */
  readonly epoch: number;
  readonly path: Path;
  readonly fields: readonly string[] = [];
  readonly #activator: Activator;

  constructor(activator: Activator, generation: Generation) {
    this.#activator = activator;
    this.generation = generation;
    this.epoch = generation.epoch;
    this.path = generation.upstream.path;
  }

  get tally(): Tally {
    return this.generation.tally;
  }

  get name(): Readonly<Record<string, string>> {
    return { generation: this.generation.spec.instance };
  }

  get tunnel(): httpProxy.ServerOptions {
    const { address, port, socketPath } = this.generation.spec;
    return { target: this.path === 'socket' ? { host: 'localhost', port, socketPath } : { host: address, port } };
  }

  begin(): void {
    this.#activator.begin(this.generation);
  }

  end(): void {
    this.#activator.end(this.generation);
  }

  dispatch(request: Request, answered: Answered): void {
    this.generation.upstream.pool(this.path).dispatch(request, answered);
  }

  answered(): void {
    if (this.path === 'direct') this.generation.upstream.directWorks = true;
  }

  suspect(): void {
    this.#activator.suspect(this.generation, this.epoch);
  }

  givenUp(sent: boolean, error: Error): Problem {
    return sent
      ? new Problem('app-broke', 'The app broke the connection before it answered.', { cause: error })
      : new Problem('unreachable', 'The app runs, but accepts no connection.', { cause: error, retryAfterS: 5 });
  }
}

/** To another host, which wakes the app and forwards. */
export class HopLeg implements AnyLeg {
  readonly kind = 'there';
  readonly peer: Peer;
  readonly tally: Tally;
  readonly #app: string;
  readonly #sick: SickPlaces;
  readonly #choice: boolean;

  /** `choice`: whether there are others that could take the request. */
  constructor(peer: Peer, app: string, sick: SickPlaces, tally: Tally, choice: boolean) {
    this.peer = peer;
    this.tally = tally;
    this.#app = app;
    this.#sick = sick;
    this.#choice = choice;
  }

  get name(): Readonly<Record<string, string>> {
    return { app: this.#app, host: this.peer.host.name };
  }

  get fields(): readonly string[] {
    const fields = this.peer.fields(this.#app);
    return this.#choice ? [...fields, HOP.choice, 'yes'] : fields;
  }

  get tunnel(): httpProxy.ServerOptions {
    const { address, port } = this.peer.host;
    return { target: { host: address, port }, agent: this.peer.agent };
  }

  begin(rider: Rider): void {
    this.#sick.tries(this.#app, this.peer.host.name);
    this.peer.begin(this.#app, rider);
  }

  end(rider: Rider): void {
    this.peer.end(this.#app, rider);
  }

  dispatch(request: Request, answered: Answered): void {
    this.peer.pool.dispatch(request, answered);
  }

  answered(): void {
    this.#sick.well(this.#app, this.peer.host.name);
  }

  suspect(error: Error): void {
    if (isUnreached(error)) this.peer.failed(error);
    if (error instanceof Refused && error.problem.elsewhere) this.#sick.failed(this.#app, this.peer.host.name, error.problem);
  }

  givenUp(sent: boolean, error: Error): Problem {
    if (error instanceof Refused) return error.problem;
    return sent
      ? new Problem('host-broke', 'The host of the app broke the connection before it answered.', { cause: error })
      : new Problem('no-host', 'The host of the app accepts no connection.', { cause: error, retryAfterS: 1 });
  }
}

/** The host's fc-proxy says why the app does not answer there, and somebody else might. */
export class Refused extends Error {
  override readonly name: string = 'Refused';
  readonly problem: Problem;
  /** Whether nothing of the request has gone to the app. */
  readonly unsent: boolean;

  constructor(peer: Peer, { problem, unsent }: HopProblem) {
    super(`${peer.host.name} says: ${problem.message}`);
    this.problem = problem;
    this.unsent = unsent;
  }
}

/** The app is not placed there, or not yet. */
export class Misdirected extends Refused {
  override readonly name = 'Misdirected';
}

/** Whether an answer of another host's fc-proxy is one that another placement could better; null: it is for the client. */
export function refusal(peer: Peer, said: HopProblem): Refused | null {
  if (said.problem.kind === 'misdirected') return new Misdirected(peer, said);
  return said.problem.elsewhere ? new Refused(peer, said) : null;
}

/** The host has fallen silent with the request in flight. */
export class Silent extends Error {
  override readonly name = 'Silent';

  constructor(peer: Peer) {
    super(`${peer.host.name} does not answer any more`);
  }
}
