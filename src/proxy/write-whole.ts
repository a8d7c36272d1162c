/** An answer that is all there, after its head was given to writeHead(): in as few and as cheap writes as can be had. */
import type { ServerResponse } from 'node:http';

/** Above this, a body is better passed on as it is than copied into a string: node writes up to 16 KiB of one from its stack. */
const JOINED_BYTES = 8192;

/** Writes the body and ends the response. */
export function writeWhole(res: ServerResponse, chunks: readonly Buffer[]): void {
  const [first] = chunks;
  const { socket } = res;
  if (first === undefined || first.length > JOINED_BYTES || chunks.length > 1) {
    for (const chunk of chunks) res.write(chunk);
    res.end();
    return;
  }
  // Bytes as ISO 8859-1: node joins such a string to the head, and both leave by one write(). A Buffer goes beside it
  // by writev(), which node prepares at length.
  const text = first.toString('latin1');
  if (socket === null || socket.writableCorked > 0) {
    res.end(text, 'latin1');
    return;
  }
  // end() with a body would hold it back to send an empty string with it, by writev() again. Uncorked here, all has
  // left before end() looks.
  socket.cork();
  res.write(text, 'latin1');
  socket.uncork();
  res.end();
}
