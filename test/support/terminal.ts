/** A command on a host, at a terminal of its own: what it draws, keys typed at it, its end. script(1) makes the terminal. */
import type { TestHost } from './host.ts';

export class TestTerminal {
  readonly #host: TestHost;
  readonly #folder: string;

  private constructor(host: TestHost, folder: string) {
    this.#host = host;
    this.#folder = folder;
  }

  /** Starts the command in a window of this size. end() must follow. */
  static async open(host: TestHost, command: string, columns: number, lines: number): Promise<TestTerminal> {
    const folder = (await host.ok('mktemp -d')).trim();
    await host.ok(`
      cd ${folder}
      mkfifo keys
      cat > run <<'RUN'
stty cols ${columns} rows ${lines}
tty > tty
stty -g > before
${command}
echo $? > code
stty -g > after
RUN
      # One that writes holds the pipe open, so that what is typed later comes through, too.
      sleep infinity 2>/dev/null > keys & echo $! > holder
      TERM=xterm setsid script --quiet --flush --return --command 'bash run' screen < keys > /dev/null 2>&1 &
      disown -a
    `);
    return new TestTerminal(host, folder);
  }

  /** Everything that has been written to the terminal. */
  async written(): Promise<string> {
    return await this.#host.ok(`cat ${this.#folder}/screen 2>/dev/null || true`);
  }

  /** As printf(1) has them: `q`, `\\003`. */
  async type(keys: string): Promise<void> {
    await this.#host.ok(`printf ${quote(keys)} > ${this.#folder}/keys`);
  }

  async resize(columns: number, lines: number): Promise<void> {
    await this.#host.ok(`stty -F "$(cat ${this.#folder}/tty)" cols ${columns} rows ${lines}`);
  }

  /** The process id of a program at the terminal, by the start of its command line. */
  async pid(pattern: string): Promise<string> {
    return (await this.#host.ok(`pgrep --terminal "$(sed s,/dev/,, ${this.#folder}/tty)" --full ${quote(pattern)} | tail -n 1`)).trim();
  }

  /** Waits until the command has ended. @returns its exit code, and whether the terminal is set as before */
  async ended(timeoutMs: number): Promise<{ readonly code: number; readonly restored: boolean }> {
    await this.#host.until(async () => (await this.#host.sh(`test -e ${this.#folder}/after`)).code === 0 || 'it runs', { timeoutMs, what: 'the command at the terminal ends' });
    const [code = '', restored = ''] = (await this.#host.ok(`cd ${this.#folder}; cat code; cmp -s before after && echo yes || echo no`)).trim().split('\n');
    return { code: Number(code), restored: restored === 'yes' };
  }

  async close(): Promise<void> {
    await this.#host.ok(`kill "$(cat ${this.#folder}/holder)"; rm -r ${this.#folder}`);
  }
}

/** A word of bash. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
