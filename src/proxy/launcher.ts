/** Our side of units/libexec/fc-proxy-run, which stands in for this process before systemd. */
import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

export interface Launcher {
  /** Calls back when it has gone, by its own choice or not. */
  onGone(then: () => void): void;
  /**
   * Tells it that no connection is accepted any more: it ends, and systemd may start the next process.
   * `retired`: there is to be none.
   */
  stopped(retired?: boolean): void;
}

/** The launcher that `FC_PROXY_LAUNCHER=READ,WRITE` names by its two pipes; without, one that says and hears nothing. */
export function findLauncher(text = process.env['FC_PROXY_LAUNCHER']): Launcher {
  const match = /^([0-9]{1,6}),([0-9]{1,6})$/.exec(text ?? '');
  if (match === null) return { onGone: () => undefined, stopped: () => undefined };
  const [read, write] = [Number(match[1]), Number(match[2])];
  return {
    onGone(then) {
      const pipe = new Socket({ fd: read, readable: true, writable: false });
      pipe.on('error', () => undefined).once('close', then).resume().unref();
    },
    stopped(retired = false) {
      try {
        writeSync(write, retired ? 'retired\n' : 'stopped\n');
      } catch {
        // It has gone first.
      }
      closeSync(write);
    },
  };
}
