/**
 * `/fleet.json`: this host's state and that of the fleet's other hosts, as each says itself. They are asked at the same
 * time, through their fc-proxy's internal listener (src/proxy/state-door.ts), and not waited for long.
 */
import { request, type IncomingMessage } from 'node:http';
import type { FleetTls } from '../config/tls.ts';
import type { Host } from '../model/app.ts';
import { HopAgent, HopConnectError } from '../proxy/hop-connect.ts';
import { HOP } from '../proxy/headers.ts';
import { STATE_PATH } from '../proxy/state-door.ts';
import type { FleetTokens } from '../proxy/tokens.ts';
import { answerText, detailOf } from './answer.ts';
import { parseHostStatus, StateError } from './parse.ts';
import { STATE_FORMAT, type FleetStatus, type HostStatus } from './state.ts';

/** A host that is well answers within milliseconds, and somebody waits. */
const DEADLINE_MS = 2000;

/** Some three times what ten thousand apps take; of all hosts together, so that it fits into memory. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_BYTES_IN_ALL = 128 * 1024 * 1024;

type HostOfFleet = FleetStatus['hosts'][number];

export interface FleetOptions {
  /** hosts.name of this one. */
  readonly self: string;
  /** The fleet's hosts, as the snapshot has them. */
  readonly hosts: () => readonly Host[];
  readonly tokens: FleetTokens;
  readonly tls: FleetTls | null;
  readonly deadlineMs?: number;
}

/** Why a host cannot be had, as a sentence. */
class Unavailable extends Error {}

export class Fleet {
  readonly #options: FleetOptions;
  /** By query: what is asked again before it is answered is asked once. */
  readonly #asked = new Map<string, Promise<readonly HostOfFleet[]>>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /**
   * @param query of `/state.json`, which each host is asked
   * @param own what this host says to it, once the others have been waited for
   */
  async status(query: URLSearchParams, own: () => HostStatus): Promise<FleetStatus> {
    const { self, hosts } = this.#options;
    const text = query.toString();
    let asked = this.#asked.get(text);
    if (asked === undefined) {
      asked = this.#askAll(hosts().filter(({ name }) => name !== self), text).finally(() => { this.#asked.delete(text); });
      this.#asked.set(text, asked);
    }
    const others = await asked;
    // A host without a row of its own is of no fleet, and tells of itself all the same.
    const state = hosts().find(({ name }) => name === self)?.state ?? 'down';
    const all: readonly HostOfFleet[] = [{ name: self, state, status: own() }, ...others];
    return { format: STATE_FORMAT, at: Date.now(), hosts: [...all].sort((a, b) => (a.name < b.name ? -1 : 1)) };
  }

  async #askAll(hosts: readonly Host[], query: string): Promise<readonly HostOfFleet[]> {
    const left = { bytes: MAX_BYTES_IN_ALL };
    return await Promise.all(hosts.map(async (host): Promise<HostOfFleet> => {
      const { name, state } = host;
      try {
        return { name, state, status: await this.#ask(host, query, left) };
      } catch (error) {
        return { name, state, status: null, why: this.#why(error) };
      }
    }));
  }

  async #ask(host: Host, query: string, left: { bytes: number }): Promise<HostStatus> {
    const { tokens: { presented }, tls, deadlineMs = DEADLINE_MS } = this.#options;
    if (presented === null) throw new Unavailable('this host has no fleet token, and cannot ask others: see /etc/fastcontainer/fleet-tokens');
    const agent = new HopAgent(host, tls);
    try {
      const res = await new Promise<IncomingMessage>((resolve, reject) => {
        const req = request({ agent, path: `${STATE_PATH}?${query}`, headers: { Host: host.name, [HOP.app]: '', [HOP.token]: presented }, signal: AbortSignal.timeout(deadlineMs) }, resolve);
        req.on('error', reject);
        req.end();
      });
      let size = 0;
      const text = await answerText(res, (bytes) => {
        size += bytes;
        left.bytes -= bytes;
        if (size > MAX_BYTES || left.bytes < 0) throw new Unavailable('it has more to say than can be taken: ask for less');
      });
      if (res.statusCode === 421) throw new Unavailable('its version of FastContainer does not tell how it is');
      if (res.statusCode !== 200) throw new Unavailable(`it answers ${res.statusCode}: ${detailOf(text)}`);
      const status = parseHostStatus(JSON.parse(text));
      if (status.host !== host.name) throw new Unavailable(`at ${host.address} is the host ${status.host}: see hosts.address and the configuration there`);
      return status;
    } finally {
      agent.destroy();
    }
  }

  #why(error: unknown): string {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (error instanceof Unavailable || error instanceof HopConnectError) return error.message;
    if (error instanceof StateError || error instanceof SyntaxError) return `what it says of itself is not understood here: ${error.message}`;
    if (code === 'ABORT_ERR') return `no answer within ${(this.#options.deadlineMs ?? DEADLINE_MS) / 1000} s`;
    // Who is not believed to be of the fleet is not told so.
    if (code === 'ECONNRESET') return 'it broke the connection off: the fleet token there may be another, see its journalctl -u fc-proxy';
    return error instanceof Error ? error.message : String(error);
  }
}
