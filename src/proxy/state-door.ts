/**
 * Passes what this host says of itself from its fc-admin to another host of the fleet, whose fc-admin asks for it
 * (src/admin/fleet.ts). It leads to this host's own fc-admin and no further.
 */
import { request, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { Clock } from './clock.ts';
import type { Activity, Connection } from './connection.ts';

/** On the internal listener, for no app; with the query of `/state.json`. */
export const STATE_PATH = '/.fastcontainer/state.json';

/** Who asks waits for 2 s. */
const LIMIT_MS = 5000;
/** Of many hosts that are looked at by many people, too, few ask at the same time. */
const MAX_AT_ONCE = 16;

/** Whether a request target is that path. */
export function isStatePath(url: string): boolean {
  return url === STATE_PATH || url.startsWith(`${STATE_PATH}?`);
}

export class StateDoor {
  readonly #socketPath: string;
  readonly #clock: Clock;
  #open = 0;

  constructor(socketPath: string, clock: Clock) {
    this.#socketPath = socketPath;
    this.#clock = clock;
  }

  /** Answers a request for it. @param last whether the connection ends with the answer */
  serve(connection: Connection, req: IncomingMessage, res: ServerResponse, last: boolean): void {
    const close = last ? ['Connection', 'close'] : [];
    req.resume();
    if (req.method !== 'GET') {
      refuse(res, 405, 'It can be read only.', ['Allow', 'GET', ...close]);
      return;
    }
    if (this.#open >= MAX_AT_ONCE) {
      refuse(res, 503, 'Too many ask for it at the same time.', close);
      return;
    }
    this.#open++;
    const asked = this.#ask((req.url ?? '').slice(STATE_PATH.length), res, close);
    const activity: Activity = { entry: null, get answering() { return res.headersSent; }, clientGone: () => { asked.destroy(); } };
    connection.begin(activity);
    const limit = this.#clock.after(LIMIT_MS, () => { asked.destroy(new Error(`no answer within ${LIMIT_MS / 1000} s`)); });
    res.once('close', () => {
      this.#open--;
      limit.cancel();
      asked.destroy();
      connection.end(activity);
      connection.idleSince = this.#clock.now();
    });
  }

  #ask(query: string, res: ServerResponse, close: readonly string[]): ClientRequest {
    const asked = request({ socketPath: this.#socketPath, path: `/state.json${query}`, headers: { Host: 'localhost' }, agent: false }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, ['Content-Type', answer.headers['content-type'] ?? 'application/json', 'Cache-Control', 'no-store', ...close]);
      // What breaks off breaks off on the other side, too: its half is no JSON.
      pipeline(answer, res, () => undefined);
    });
    asked.on('error', (error) => { if (!res.headersSent && !res.destroyed) refuse(res, 503, `its fc-admin does not answer: ${error.message}`, close); else res.destroy(); });
    asked.end();
    return asked;
  }
}

function refuse(res: ServerResponse, status: number, detail: string, fields: readonly string[]): void {
  res.writeHead(status, ['Content-Type', 'application/problem+json', ...fields]).end(`${JSON.stringify({ status, detail })}\n`);
}
