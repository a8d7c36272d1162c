/** The fleet's other hosts, as the snapshot has them. */
import type { Host } from '../model/app.ts';
import type { Snapshot } from '../snapshot/format.ts';
import { Peer, type PeerOptions } from './peer.ts';
import type { FleetTokens } from './tokens.ts';

export interface PeersOptions extends Omit<PeerOptions, 'token'> {
  readonly tokens: FleetTokens;
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #peers = new Map<string, Peer>();

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** Whether this host can prove itself to others at all. */
  get able(): boolean {
    return this.#options.tokens.presented !== null;
  }

  /** Takes over a new snapshot: a host at another address is another one, with a clean slate. */
  follow({ hosts }: Pick<Snapshot, 'hosts'>): void {
    for (const [name, peer] of this.#peers) {
      const row = hosts.find((host) => host.name === name);
      if (row !== undefined && row.address === peer.host.address && row.port === peer.host.port) {
        // Somebody has had a hand in it: it may be back.
        if (row.state !== peer.host.state) peer.hasten();
        peer.host = row;
        continue;
      }
      this.#peers.delete(name);
      peer.close();
    }
  }

  /** The host of a row; null: this host cannot prove itself to it. */
  get(host: Host): Peer | null {
    const { presented } = this.#options.tokens;
    if (presented === null) return null;
    let peer = this.#peers.get(host.name);
    if (peer === undefined) {
      peer = new Peer(host, { ...this.#options, token: presented });
      this.#peers.set(host.name, peer);
    }
    return peer;
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }
}
