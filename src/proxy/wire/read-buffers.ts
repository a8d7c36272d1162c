/** Where what comes from apps is read into: no memory is taken for a read, nor left for the garbage collector. */

/** For all connections that have none of their own: what is read is used, or copied, before the next one reads. */
export const SHARED = Buffer.allocUnsafeSlow(65_536);

/** For a connection that brings much. */
const OWN_BYTES = 262_144;

/** How many of those that are not in use are kept. */
const MOST_SPARE = 8;

const spare: Buffer[] = [];

/** A buffer of one connection, whose bytes it lends to whoever writes them elsewhere. */
export class OwnBuffer {
  readonly bytes = spare.pop() ?? Buffer.allocUnsafeSlow(OWN_BYTES);
  readonly #back: () => void;
  /** How often it is lent at the moment. */
  #lent = 0;
  /** Whether the connection needs it no more, and whether it can serve another one then. */
  #done = false;
  #sound = true;

  /** `back` is called when nothing is lent any more, unless the connection is done with it. */
  constructor(back: () => void) {
    this.#back = back;
  }

  /** Whether somebody has some of its bytes, so that nothing may be read into it. */
  get lent(): boolean {
    return this.#lent > 0;
  }

  /** Lends. @returns what must be called once when the bytes are not used any more; with an error, if that is not certain */
  lend(): (error?: Error | null) => void {
    this.#lent++;
    let given = false;
    return (error) => {
      if (given) return;
      given = true;
      this.#lent--;
      if (error !== undefined && error !== null) this.#sound = false;
      if (this.#lent > 0) return;
      if (this.#done) this.#keep();
      else this.#back();
    };
  }

  /** The connection needs it no more. */
  done(): void {
    this.#done = true;
    if (this.#lent === 0) this.#keep();
  }

  #keep(): void {
    if (this.#sound && spare.length < MOST_SPARE) spare.push(this.bytes);
  }
}
