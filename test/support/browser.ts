/**
 * A real Chromium without a window, driven over the Chrome DevTools Protocol
 * (https://chromedevtools.github.io/devtools-protocol/). Debian's package `chromium`.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { until } from './until.ts';

const LAUNCH_MS = 30_000;
const ANSWER_MS = 20_000;

/** `--no-sandbox`: tests run as root, where Chromium does not start otherwise; it loads nothing but the page. */
const FLAGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-extensions', '--disable-sync',
  '--disable-background-networking', '--disable-component-update', '--disable-default-apps', '--force-color-profile=srgb', '--remote-debugging-port=0',
];

type Json = Readonly<Record<string, unknown>>;

interface Reply {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Json;
  readonly result?: Json;
  readonly error?: { readonly message: string };
}

export interface Viewport {
  readonly width: number;
  readonly height: number;
  readonly phone?: boolean;
  readonly dark?: boolean;
  readonly reducedMotion?: boolean;
}

export interface Browser {
  /** A page of its own, which shares nothing with others. */
  open(url: string, viewport?: Viewport): Promise<BrowserPage>;
  close(): Promise<void>;
}

/** @param flags more of Chromium's own */
export async function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'fc-chromium-'));
  const child = spawn('/usr/bin/chromium', [...FLAGS, ...flags, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    const protocol = await Protocol.connect(await endpoint(child));
    return {
      open: (url, viewport) => BrowserPage.open(protocol, url, viewport),
      close: async () => {
        await protocol.send('Browser.close').catch(() => { /* It is closed. */ });
        await ended(child);
        await rm(profile, { recursive: true, force: true });
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** The address that Chromium says on its standard error. */
async function endpoint(child: ChildProcess): Promise<string> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => { said = (said + text).slice(-10_000); });
  let failed = '';
  child.on('error', ({ message }) => { failed = message; });
  const found = (): string | undefined => /DevTools listening on (ws:\S+)/.exec(said)?.[1];
  await until(() => {
    assert.equal(failed, '');
    return found() !== undefined || `it has said: ${said}`;
  }, { timeoutMs: LAUNCH_MS, what: 'Chromium starts' });
  return found() ?? '';
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => { child.kill('SIGKILL'); }, 5000);
  await once(child, 'exit');
  clearTimeout(timer);
}

class Protocol {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #listeners = new Map<string, (method: string, params: Json) => void>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const reply = JSON.parse(data.toString('utf8')) as Reply;
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply);
      else if (reply.method !== undefined && reply.sessionId !== undefined) this.#listeners.get(reply.sessionId)?.(reply.method, reply.params ?? {});
    });
  }

  static async connect(url: string): Promise<Protocol> {
    const socket = new WebSocket(url, { maxPayload: 100_000_000 });
    await once(socket, 'open');
    return new Protocol(socket);
  }

  listen(session: string, listener: (method: string, params: Json) => void): void {
    this.#listeners.set(session, listener);
  }

  async send(method: string, params: Json = {}, session?: string): Promise<Json> {
    const id = ++this.#last;
    const reply = await new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(() => { reject(new Error(`${method}: no answer of Chromium within ${ANSWER_MS} ms`)); }, ANSWER_MS);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#socket.send(JSON.stringify({ id, method, params, ...(session !== undefined && { sessionId: session }) }));
    }).finally(() => this.#waiting.delete(id));
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result ?? {};
  }
}

/** Keys that tests press, as `Input.dispatchKeyEvent` wants them. */
const KEYS: Readonly<Record<string, { readonly code: string; readonly keyCode: number; readonly text?: string }>> = {
  Tab: { code: 'Tab', keyCode: 9 },
  Enter: { code: 'Enter', keyCode: 13, text: '\r' },
  Escape: { code: 'Escape', keyCode: 27 },
  ' ': { code: 'Space', keyCode: 32, text: ' ' },
  ArrowDown: { code: 'ArrowDown', keyCode: 40 },
  ArrowUp: { code: 'ArrowUp', keyCode: 38 },
  '/': { code: 'Slash', keyCode: 191, text: '/' },
};

export class BrowserPage {
  readonly #protocol: Protocol;
  readonly #session: string;
  readonly #target: string;
  /** What the console, the loader or the policy complained about. */
  readonly problems: string[] = [];
  /** Every address that was asked for. */
  readonly requests: string[] = [];

  private constructor(protocol: Protocol, target: string, session: string) {
    this.#protocol = protocol;
    this.#target = target;
    this.#session = session;
    protocol.listen(session, (method, params) => { this.#hear(method, params); });
  }

  static async open(protocol: Protocol, url: string, viewport: Viewport = { width: 1280, height: 800 }): Promise<BrowserPage> {
    const { browserContextId } = await protocol.send('Target.createBrowserContext');
    const { targetId } = await protocol.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await protocol.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new BrowserPage(protocol, String(targetId), String(sessionId));
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
    await page.resize(viewport);
    await page.goto(url);
    return page;
  }

  send(method: string, params: Json = {}): Promise<Json> {
    return this.#protocol.send(method, params, this.#session);
  }

  async goto(url: string): Promise<void> {
    const { errorText } = await this.send('Page.navigate', { url });
    assert.equal(errorText, undefined, url);
    await this.until('document.readyState === "complete"', `${url} is loaded`);
  }

  async resize({ width, height, phone = false, dark = false, reducedMotion = false }: Viewport): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, mobile: phone, deviceScaleFactor: phone ? 2 : 1 });
    await this.send('Emulation.setEmulatedMedia', {
      features: [
        { name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' },
        { name: 'prefers-reduced-motion', value: reducedMotion ? 'reduce' : 'no-preference' },
      ],
    });
  }

  /** The value of an expression, as JSON would have it; a promise's once it is there. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as Json)['value'];
  }

  /** What a reader sees of the first element that is selected; null: there is none. */
  async text(selector: string): Promise<string | null> {
    return await this.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? null`) as string | null;
  }

  /** Until an expression is true. */
  async until(expression: string, what: string, timeoutMs = 15_000): Promise<void> {
    await until(async () => await this.evaluate(expression) === true || `not so: ${expression}`, { timeoutMs, what });
  }

  async untilText(selector: string, pattern: RegExp, timeoutMs = 15_000): Promise<void> {
    await until(async () => {
      const text = await this.text(selector);
      return (text !== null && pattern.test(text)) || `it says ${JSON.stringify(text)}`;
    }, { timeoutMs, what: `${selector} says ${String(pattern)}` });
  }

  async press(key: string, modifiers = 0): Promise<void> {
    const { code, keyCode, text } = KEYS[key] ?? assert.fail(`tests do not know the key ${key}`);
    const event = { key, code, windowsVirtualKeyCode: keyCode, modifiers };
    await this.send('Input.dispatchKeyEvent', { type: text === undefined ? 'rawKeyDown' : 'keyDown', ...event, ...(text !== undefined && { text }) });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  }

  async type(text: string): Promise<void> {
    await this.send('Input.insertText', { text });
  }

  /** A PNG of the page, or of what of it can be seen. */
  async screenshot(file: string, whole = true): Promise<void> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: whole, optimizeForSpeed: false, ...(whole && { clip: await this.#extent() }) });
    await writeFile(file, Buffer.from(String(data), 'base64'));
  }

  async #extent(): Promise<Json> {
    const { cssContentSize } = await this.send('Page.getLayoutMetrics');
    return { ...(cssContentSize as Json), scale: 1 };
  }

  async close(): Promise<void> {
    await this.#protocol.send('Target.closeTarget', { targetId: this.#target });
  }

  #hear(method: string, params: Json): void {
    if (method === 'Network.requestWillBeSent') this.requests.push(String((params['request'] as Json)['url']));
    if (method === 'Runtime.exceptionThrown') this.problems.push(JSON.stringify(params['exceptionDetails']));
    if (method === 'Runtime.consoleAPICalled') this.problems.push(`console: ${JSON.stringify(params['args'])}`);
    if (method === 'Log.entryAdded') this.problems.push(JSON.stringify(params['entry']));
  }
}
