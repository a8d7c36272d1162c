/** A client of a warm app that asks again and again on one connection, and sees how long it waits. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Between one answer and the next request, ms. */
const PAUSE_MS = 2;

export class Stream {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #address: string;
  readonly #domain: string;
  readonly #done: Promise<void>;
  #waits: number[] = [];
  #ended = false;

  constructor(address: string, domain: string) {
    this.#address = address;
    this.#domain = domain;
    this.#done = this.#run();
  }

  /** Milliseconds that each request since the last call waited for its answer's end. */
  take(): number[] {
    const waits = this.#waits;
    this.#waits = [];
    return waits;
  }

  /** @throws what went wrong with a request */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#done;
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const began = performance.now();
      await this.#ask();
      this.#waits.push(performance.now() - began);
      await sleep(PAUSE_MS);
    }
  }

  #ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      request({ host: this.#address, port: 80, path: '/', headers: { host: this.#domain }, agent: this.#agent }, (response) => {
        response.on('error', reject).on('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`${this.#domain} answered ${response.statusCode}`));
        }).resume();
      }).on('error', reject).end();
    });
  }
}
