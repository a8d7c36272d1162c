/** One request over a connection of its own, by hand: a client's library would be measured too. */
import { connect } from 'node:net';

export interface Visit {
  readonly port: number;
  /** Default: 127.0.0.1. */
  readonly address?: string;
  /** What the request asks for by `Host`. Default: the address. */
  readonly domain?: string;
}

export interface Answer {
  /** Of its status line. */
  readonly status: number;
  /** Field names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** When the connection was asked for, in microseconds of CLOCK_MONOTONIC, as systemd's own timestamps are. */
  readonly beganUs: number;
  /** Until its first byte, and until its last. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** @throws Error when there was no complete answer, as for a connection that is refused */
export function visit({ port, address = '127.0.0.1', domain = address }: Visit, timeoutMs = 60_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const began = process.hrtime.bigint();
    const since = (): number => Number(process.hrtime.bigint() - began) / 1e6;
    let firstMs = 0;
    let text = '';
    const socket = connect({ host: address, port, noDelay: true });
    const timer = setTimeout(() => { socket.destroy(new Error(`no answer within ${timeoutMs} ms`)); }, timeoutMs);
    socket.setEncoding('latin1');
    socket.on('connect', () => { socket.write(`GET / HTTP/1.1\r\nHost: ${domain}\r\nAccept: application/json\r\nConnection: close\r\n\r\n`); });
    socket.on('data', (piece: string) => {
      if (firstMs === 0) firstMs = since();
      text += piece;
    });
    socket.on('error', reject);
    socket.on('end', () => { socket.end(); });
    socket.on('close', () => {
      clearTimeout(timer);
      const [status = '', ...fields] = (text.split('\r\n\r\n')[0] ?? '').split('\r\n');
      const code = /^HTTP\/1\.[01] (\d{3})/.exec(status)?.[1];
      if (code === undefined) {
        reject(new Error('the connection was closed without an answer'));
        return;
      }
      const headers = Object.fromEntries(fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 1).trim()]));
      resolve({ status: Number(code), headers, beganUs: Number(began / 1000n), firstMs, lastMs: since() });
    });
  });
}
