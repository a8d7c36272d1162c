/**
 * How a proxy ends without losing a request: it accepts no more connections
 * (systemd holds the port, the next process takes over), says `Connection:
 * close` in every answer, and waits for what is in flight. A connection kept
 * alive is best ended by such an answer: closed on a client that is just about
 * to use it, it fails a request. So only those go that nobody has used for long.
 */
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';

/** How long a connection must have been idle before it is closed on its client; at most a third of the time there is. */
const IDLE_MS = 3000;
const LOOK_EVERY_MS = 100;

/**
 * Waits until all connections have ended.
 * @param connections those that are open; the owner removes them as they close
 * @param timeoutMs after this the rest is cut off
 * @returns the number that had to be cut off
 */
export function drain(connections: ReadonlySet<Connection>, clock: Clock, timeoutMs: number): Promise<number> {
  const began = clock.now();
  const idleMs = Math.min(IDLE_MS, timeoutMs / 3);
  return new Promise((resolve) => {
    const look = (): void => {
      const now = clock.now();
      if (connections.size === 0) {
        resolve(0);
        return;
      }
      if (now - began >= timeoutMs) {
        const left = connections.size;
        for (const { socket } of [...connections]) socket.destroy();
        resolve(left);
        return;
      }
      if (now - began >= idleMs) {
        // Not before what has arrived by now has been read: this process may not have run for a while.
        setImmediate(() => {
          for (const connection of [...connections]) if (connection.idle(now - idleMs)) connection.socket.destroySoon();
        });
      }
      clock.after(LOOK_EVERY_MS, look);
    };
    look();
  });
}
