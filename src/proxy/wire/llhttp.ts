/**
 * llhttp, node's own HTTP parser, for the answers of apps. Node keeps its copy to itself; undici brings one as
 * WebAssembly, which is used here without undici's client around it: that costs more than all the rest of a warm
 * request (docs/performance.md, "Warm requests"). undici's version is pinned, and the tests parse with it.
 */
import { createRequire } from 'node:module';
import { NotHttp } from './not-http.ts';

/** What a parser tells while it runs. Offsets are into the bytes that execute() was given. */
export interface ParserEvents {
  onMessageBegin(): void;
  onStatus(at: number, length: number): void;
  onHeaderField(at: number, length: number): void;
  onHeaderValue(at: number, length: number): void;
  /** @returns whether a body can follow; what the fields say of one counts only then */
  onHeadersComplete(status: number, upgrade: boolean, keepAlive: boolean): boolean;
  onBody(at: number, length: number): void;
  onMessageComplete(): void;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_execute(parser: number, at: number, length: number): number;
  llhttp_finish(parser: number): number;
  llhttp_message_needs_eof(parser: number): number;
  llhttp_errno_name(errno: number): number;
  llhttp_get_error_reason(parser: number): number;
}

const FUNCTIONS = ['malloc', 'llhttp_alloc', 'llhttp_free', 'llhttp_execute', 'llhttp_finish', 'llhttp_message_needs_eof', 'llhttp_errno_name', 'llhttp_get_error_reason'];

function isLlhttp(exports: object): exports is Exports {
  const has: Record<string, unknown> = { ...exports };
  return has['memory'] instanceof WebAssembly.Memory && FUNCTIONS.every((name) => typeof has[name] === 'function');
}

/** What is used of it; the types of node 20 leave it to those of browsers. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
  validate(code: Uint8Array): boolean;
};

/** HTTP_RESPONSE of llhttp.h. */
const RESPONSE = 2;

/** What is parsed is copied into llhttp's memory, this much at a time. */
const WINDOW_BYTES = 262_144;

/** The parser that runs. */
let running: ParserEvents | null = null;
/** What is added to an address in llhttp's memory to have an offset into the bytes that it parses. */
let shift = 0;

function told(): ParserEvents {
  if (running === null) throw new Error('llhttp speaks while it does not run');
  return running;
}

const imports = {
  wasm_on_url: () => 0,
  wasm_on_message_begin: () => (told().onMessageBegin(), 0),
  wasm_on_status: (_parser: number, at: number, length: number) => (told().onStatus(at + shift, length), 0),
  wasm_on_header_field: (_parser: number, at: number, length: number) => (told().onHeaderField(at + shift, length), 0),
  wasm_on_header_value: (_parser: number, at: number, length: number) => (told().onHeaderValue(at + shift, length), 0),
  // 1: there is no body, whatever the fields say.
  wasm_on_headers_complete: (_parser: number, status: number, upgrade: number, keepAlive: number) => (told().onHeadersComplete(status, upgrade !== 0, keepAlive !== 0) ? 0 : 1),
  wasm_on_body: (_parser: number, at: number, length: number) => (told().onBody(at + shift, length), 0),
  wasm_on_message_complete: () => (told().onMessageComplete(), 0),
};

const llhttp = load();
const window = llhttp.malloc(WINDOW_BYTES);
let view = new Uint8Array(llhttp.memory.buffer, window, WINDOW_BYTES);

function load(): Exports {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code('llhttp_simd-wasm') ?? code('llhttp-wasm') ?? new Uint8Array()), { env: imports });
  if (!isLlhttp(exports)) throw new Error('undici brings no llhttp that is known here');
  return exports;
}

/** The program, where this machine can run it. */
function code(name: string): Uint8Array | null {
  const found: unknown = createRequire(import.meta.url)(`undici/lib/llhttp/${name}.js`);
  return found instanceof Uint8Array && WebAssembly.validate(found) ? found : null;
}

/** One connection's parser of answers. */
export class Llhttp {
  readonly #parser = llhttp.llhttp_alloc(RESPONSE);
  readonly #events: ParserEvents;

  constructor(events: ParserEvents) {
    this.#events = events;
  }

  /**
   * Parses the first `length` of these bytes.
   * @throws NotHttp, and whatever the events throw; the parser is of no use then
   */
  execute(bytes: Buffer, length: number): void {
    if (running !== null) throw new Error('llhttp runs already');
    running = this.#events;
    try {
      for (let from = 0; from < length; from += WINDOW_BYTES) {
        const part = Math.min(WINDOW_BYTES, length - from);
        // Its memory may have grown, which leaves views of it empty.
        if (view.length === 0) view = new Uint8Array(llhttp.memory.buffer, window, WINDOW_BYTES);
        bytes.copy(view, 0, from, from + part);
        shift = from - window;
        this.#check(llhttp.llhttp_execute(this.#parser, window, part));
      }
    } finally {
      running = null;
    }
  }

  /** Whether the message lasts until the connection ends. */
  get needsEnd(): boolean {
    return llhttp.llhttp_message_needs_eof(this.#parser) !== 0;
  }

  /** The connection has ended. @throws NotHttp */
  finish(): void {
    running = this.#events;
    try {
      this.#check(llhttp.llhttp_finish(this.#parser));
    } finally {
      running = null;
    }
  }

  /** Gives its memory back; nothing can be asked of it afterwards. */
  free(): void {
    llhttp.llhttp_free(this.#parser);
  }

  #check(errno: number): void {
    if (errno !== 0) throw new NotHttp(string(llhttp.llhttp_errno_name(errno)), string(llhttp.llhttp_get_error_reason(this.#parser)) || 'no reason given');
  }
}

/** A string of C at an address. */
function string(at: number): string {
  const bytes = Buffer.from(llhttp.memory.buffer);
  return at === 0 ? '' : bytes.toString('latin1', at, bytes.indexOf(0, at));
}
