/**
 * Writing to a client at the least cost. Left to itself node holds back what is written until the end of this turn of
 * the event loop and counts it as waiting meanwhile, so that whoever heeds its count stops for every chunk.
 */
import type { ServerResponse } from 'node:http';
import type { Lender } from './wire/wire.ts';

/** Above this, a body is better passed on as it is than copied into a string: node writes up to 16 KiB of one from its stack. */
const JOINED_BYTES = 8192;

/** Writes a part of a body. @returns false: too much waits, and there will be a `drain` */
export function writeNow(res: ServerResponse, chunk: Buffer | string): boolean {
  const { socket } = res;
  // Without a socket, an answer to an earlier request of the same connection is not complete yet.
  if (socket === null || socket.writableCorked > 0) return res.write(chunk, 'latin1');
  socket.cork();
  const little = res.write(chunk, 'latin1');
  socket.uncork();
  return little || res.writableLength === 0;
}

/**
 * Writes a part of a body whose bytes are only lent: they are copied unless they can go to the kernel at once, or stay
 * lent until node says that it has written them. A `drain` says less: node has one for an answer also when another
 * answer on its connection has left.
 * @returns false: too much waits, and there will be a `drain`
 */
export function writeLent(res: ServerResponse, chunk: Buffer, lender: Lender): boolean {
  const { socket } = res;
  if (socket === null || socket.writableCorked > 0) return writeNow(res, Buffer.from(chunk));
  const done = lender.lend();
  socket.cork();
  const little = res.write(chunk, done);
  socket.uncork();
  if (res.writableLength > 0) return little;
  done();
  return true;
}

/** Writes an answer that is all there, after its head was given to writeHead(), and ends it. */
export function writeWhole(res: ServerResponse, chunks: readonly Buffer[]): void {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1 && first.length <= JOINED_BYTES) {
    // Bytes as ISO 8859-1: node joins such a string to the head, and both leave by one write(). A Buffer goes beside it
    // by writev(), which node prepares at length; so would what end() is given, with an empty string beside it.
    writeNow(res, first.toString('latin1'));
  } else {
    for (const chunk of chunks) res.write(chunk);
  }
  res.end();
}
