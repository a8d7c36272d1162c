/** A terminal that a command draws on in place, as top does, and gives back as it was. */
import { writeSync } from 'node:fs';

/** The alternate screen, no cursor, lines that are cut off rather than wrapped (xterm's control sequences). */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';

/** q, ^C, ^D and ^\. */
const END_KEYS = /[qQ\x03\x04\x1c]/;
const SUSPEND_KEY = '\x1a';

export class Screen {
  readonly #redraw: () => void;
  readonly #end: () => void;
  #entered = false;
  #left = false;

  /**
   * @param redraw the window has another size, or the terminal has been somebody else's meanwhile
   * @param end somebody has had enough
   */
  constructor(redraw: () => void, end: () => void) {
    this.#redraw = redraw;
    this.#end = end;
  }

  /** Takes the terminal. leave() must follow, whatever happens; an end of the process sees to it, too. */
  enter(): void {
    process.once('exit', this.#restore);
    process.stdout.on('resize', this.#redraw);
    process.on('SIGCONT', this.#resume);
    this.#take();
    process.stdin.on('data', this.#keys);
  }

  leave(): void {
    this.#left = true;
    process.removeListener('exit', this.#restore);
    process.removeListener('SIGCONT', this.#resume);
    process.stdout.removeListener('resize', this.#redraw);
    process.stdin.removeListener('data', this.#keys).pause();
    this.#restore();
  }

  /** What was there is written over, and not cleared before: nothing flickers. */
  draw(lines: readonly string[]): void {
    process.stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`);
  }

  #take(): void {
    this.#entered = true;
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
    writeSync(1, ENTER);
  }

  readonly #restore = (): void => {
    if (!this.#entered) return;
    this.#entered = false;
    try {
      if (process.stdin.isTTY) process.stdin.setRawMode(false);
      writeSync(1, LEAVE);
    } catch {
      // The terminal is gone: there is nothing to give back.
    }
  };

  readonly #resume = (): void => {
    this.#take();
    this.#redraw();
  };

  readonly #keys = (typed: Buffer): void => {
    const keys = typed.toString('latin1');
    if (END_KEYS.test(keys)) this.#end();
    else if (keys.includes(SUSPEND_KEY)) this.#suspend();
  };

  /** As the terminal would, had it not been told to leave that to us: with whoever else is at work in the foreground. */
  #suspend(): void {
    this.#restore();
    process.kill(0, 'SIGTSTP');
    // Where no shell is there to wake it up again, it is not suspended in the first place.
    setTimeout(() => { if (!this.#entered && !this.#left) this.#resume(); }, 100);
  }
}
