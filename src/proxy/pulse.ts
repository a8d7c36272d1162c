/**
 * Whether a host that has requests of ours is still there. It is asked for a sign of life a few times a second; if
 * none comes, its kernel is asked, by a bare connection, which tells a host that is gone from an fc-proxy that is
 * only busy, or just being restarted.
 */
import { pause, type Clock } from './clock.ts';

/** How often a sign of life is asked for. */
const EVERY_MS = 300;
/** How soon it, or the kernel's answer, must come: two of these and the pause before them are within a second. */
const ANSWER_MS = 300;
/** How long an fc-proxy may say nothing while its host's kernel answers: longer than a restart takes. */
const BUSY_MS = 5000;

export interface Patient {
  /** Asks fc-proxy for a sign of life; kept when it has come. */
  ask(): Promise<void>;
  /** Asks the host's kernel. `refused`: it is there, and nobody listens. */
  knock(withinMs: number): Promise<'there' | 'refused' | 'silent'>;
  /** Called once, with what was missing: nothing more is asked then. */
  silent(why: string): void;
}

interface Question {
  came: boolean;
  failed: boolean;
  /** Settles with either. */
  answered: Promise<void>;
}

export class Pulse {
  readonly #patient: Patient;
  readonly #clock: Clock;
  #running: { stopped: boolean } | null = null;

  constructor(patient: Patient, clock: Clock) {
    this.#patient = patient;
    this.#clock = clock;
  }

  /** Begins to ask, unless it does already. */
  start(): void {
    if (this.#running !== null) return;
    const run = { stopped: false };
    this.#running = run;
    void this.#watch(run).then((why) => {
      if (run.stopped) return;
      this.#running = null;
      this.#patient.silent(why);
    });
  }

  stop(): void {
    if (this.#running !== null) this.#running.stopped = true;
    this.#running = null;
  }

  /** @returns what was missing */
  async #watch(run: { readonly stopped: boolean }): Promise<string> {
    for (;;) {
      await pause(this.#clock, EVERY_MS);
      if (run.stopped) return '';
      const why = await this.#beat(run);
      if (why !== null) return why;
    }
  }

  /** Gets one sign of life, by however many questions. @returns what was missing, or null */
  async #beat(run: { readonly stopped: boolean }): Promise<string | null> {
    const since = this.#clock.now();
    let question = this.#question();
    while (!run.stopped) {
      await Promise.race([question.answered, this.#patience()]);
      if (question.came) return null;
      const kernel = await this.#patient.knock(ANSWER_MS);
      if (question.came) return null;
      if (kernel === 'silent') return 'its host does not answer';
      // Requests that are in flight there will be told by their own connections.
      if (kernel === 'refused') return null;
      if (this.#clock.now() - since >= BUSY_MS) return `its fc-proxy has not answered for ${BUSY_MS / 1000} s`;
      if (!question.failed) continue;
      // Its connection has ended: a proxy that is about to end closes those it has.
      question = this.#question();
      await pause(this.#clock, ANSWER_MS);
    }
    return null;
  }

  #question(): Question {
    const question: Question = { came: false, failed: false, answered: Promise.resolve() };
    question.answered = this.#patient.ask().then(() => { question.came = true; }, () => { question.failed = true; });
    return question;
  }

  /** The time for an answer, and then what has arrived: a process that was held up must not blame the host. */
  async #patience(): Promise<void> {
    await pause(this.#clock, ANSWER_MS);
    await new Promise((resolve) => { setImmediate(resolve); });
    await new Promise((resolve) => { setImmediate(resolve); });
  }
}
