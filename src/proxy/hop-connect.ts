/** Connections from one host's fc-proxy to another's. */
import { Agent } from 'node:http';
import { connect, type OnReadOpts, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { FleetTls } from '../config/tls.ts';
import type { Host } from '../model/app.ts';

/** A host of the fleet answers at once or not at all: the kernel does it, however busy fc-proxy is. */
const CONNECT_MS = 500;

/** The handshake is fc-proxy's own, which may be about to be started anew by systemd, holding the connection. */
const HANDSHAKE_MS = 10_000;

/** After this long without a byte, TCP asks whether the peer is still there. */
const KEEP_ALIVE_MS = 60_000;

/** No connection to a host came about, so that nothing was sent there. */
export class HopConnectError extends Error {
  override readonly name = 'HopConnectError';
  /** Whether the host said so itself: it is there, its fc-proxy is not. */
  readonly refused: boolean;

  constructor(host: Host, cause: Error) {
    super(`cannot connect to ${host.name} at ${host.address} port ${host.port}: ${cause.message}`, { cause });
    this.refused = 'code' in cause && cause.code === 'ECONNREFUSED';
  }
}

/** Gets a connection, or why there is none. */
export type Connected = (...result: [null, Socket] | [HopConnectError, null]) => void;

/**
 * Connects to a host's internal listener; with `tls`, the host must prove its name in the CMDB.
 * @param onread who gets what comes; null: it is read like any stream
 */
export function connectHop(host: Host, tls: FleetTls | null, onread: OnReadOpts | null, connected: Connected): void {
  const direct = tls === null && onread !== null ? { onread } : {};
  const tcp = connect({ host: host.address, port: host.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, ...direct });
  let socket: Socket = tcp;
  let over = false;
  const fail = (error: Error): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    // What comes after the first error has nobody to tell.
    for (const one of [socket, tcp]) one.on('error', () => undefined).destroy();
    connected(new HopConnectError(host, error), null);
  };
  const done = (): void => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    for (const one of [socket, tcp]) one.removeListener('error', fail).removeListener('close', closed);
    // TLS over a socket that exists already has no `onread` of its own.
    if (tls !== null && onread !== null) socket.on('data', (bytes: Buffer) => { onread.callback(bytes.length, bytes); });
    connected(null, socket);
  };
  const closed = (): void => { fail(new Error('the connection was closed')); };
  // Looked at again after what has arrived meanwhile: a process that was held up must not blame the host.
  const late = (what: string) => (): void => { setImmediate(() => { setImmediate(fail, new Error(what)); }); };
  let timer = setTimeout(late(`no answer within ${CONNECT_MS} ms`), CONNECT_MS);
  tcp.once('error', fail).once('close', closed);
  tcp.once('connect', () => {
    if (over) return;
    if (tls === null) {
      done();
      return;
    }
    clearTimeout(timer);
    timer = setTimeout(late(`no TLS handshake within ${HANDSHAKE_MS} ms`), HANDSHAKE_MS);
    socket = connectTls({
      socket: tcp, servername: host.name, ALPNProtocols: ['http/1.1'], minVersion: 'TLSv1.2',
      ...(tls.ca === null ? {} : { ca: tls.ca }),
    });
    socket.once('error', fail).once('close', closed).once('secureConnect', done);
  });
}

/** The same for node's own HTTP client: one request on each connection. */
export class HopAgent extends Agent {
  readonly #host: Host;
  readonly #tls: FleetTls | null;

  constructor(host: Host, tls: FleetTls | null) {
    super({ keepAlive: false });
    this.#host = host;
    this.#tls = tls;
  }

  override createConnection(_options: unknown, callback?: (error: Error | null, stream: Duplex) => void): Duplex | null | undefined {
    // The types have no way to say that there is none.
    connectHop(this.#host, this.#tls, null, (error, socket) => { if (callback !== undefined) Reflect.apply(callback, undefined, [error, socket]); });
    return undefined;
  }
}
