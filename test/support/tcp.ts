/** A client of test/apps/tcp.mjs, or of anything else that speaks in lines over TCP. */
import { connect, type Socket } from 'node:net';

/** Ends a wait for what never comes. */
const DEADLINE_MS = 20_000;

export class TcpClient {
  readonly #socket: Socket;
  #received = '';
  #ended: Error | null = null;
  readonly #waiters = new Set<() => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    const wake = (): void => {
      for (const waiter of [...this.#waiters]) waiter();
    };
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#received += text;
      wake();
    });
    const end = (why: Error) => (): void => {
      this.#ended ??= why;
      wake();
    };
    socket.on('error', (error) => { end(error)(); }).on('end', end(new Error('the other side closed the connection')));
  }

  /** Resolves once the connection stands. @throws Error with the code of the refusal */
  static async to(host: string, port: number): Promise<TcpClient> {
    const socket = connect({ host, port });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => { socket.destroy(new Error(`no connection to ${host}:${port} within ${DEADLINE_MS} ms`)); }, DEADLINE_MS);
      socket.once('connect', resolve).once('error', reject).once('close', () => { clearTimeout(timer); });
      socket.once('connect', () => { clearTimeout(timer); });
    });
    return new TcpClient(socket);
  }

  say(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  /** The next line. @throws Error when the connection ends first */
  async line(): Promise<string> {
    await this.#until(() => this.#received.includes('\n'), 'a line');
    const at = this.#received.indexOf('\n');
    const line = this.#received.slice(0, at).replace(/\r$/, '');
    this.#received = this.#received.slice(at + 1);
    return line;
  }

  /** The next `count` bytes, as latin1. @throws Error when the connection ends first */
  async bytes(count: number): Promise<string> {
    await this.#until(() => this.#received.length >= count, `${count} bytes`);
    const bytes = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return bytes;
  }

  async ask(line: string): Promise<string> {
    this.say(line);
    return await this.line();
  }

  /** Resolves when the other side has ended the connection, in whatever way, with what it had still said. */
  async ended(): Promise<string> {
    await this.#until(() => this.#ended !== null, 'the end', true);
    return this.#received;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #until(met: () => boolean, what: string, ends = false): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    while (!met()) {
      if (this.#ended !== null && !ends) throw new Error(`${what} did not come: ${this.#ended.message}`);
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`${what} did not come within ${DEADLINE_MS} ms`);
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#waiters.delete(done);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.#waiters.add(done);
      });
    }
  }
}
