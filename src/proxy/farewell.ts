/** How a client is parted from when its request did not go as it should. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from './clock.ts';

/** How long a client may go on sending a body that nobody wants any more. */
const LINGER_MS = 5000;

/** Ends a response that cannot be completed so that the client can tell: never like a complete one. */
export function cutOff(req: IncomingMessage, res: ServerResponse): void {
  // To HTTP/1.0 the end of the connection may be the end of the body: only a reset says that something is missing.
  if (req.httpVersion === '1.1') res.destroy();
  else req.socket.resetAndDestroy();
}

/** Closes the connection of a client whose body, which is thrown away, takes too long to come. */
export function linger(req: IncomingMessage, clock: Clock): void {
  const alarm = clock.after(LINGER_MS, () => { if (!req.complete) req.socket.destroy(); });
  req.once('end', () => { alarm.cancel(); });
}
