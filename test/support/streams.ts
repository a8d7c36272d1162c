/** What lasts: a long download and a WebSocket, opened before something happens and looked at afterwards. */
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { WebSocket } from 'ws';
import { until } from './until.ts';

/** Where an app is asked for: the address of an fc-proxy, and the app's domain. */
export interface Entrance {
  readonly address: string;
  readonly domain: string;
}

export interface Download {
  /** Bytes so far. */
  readonly received: number;
  /** When it is complete, how many bytes came and how many of them were wrong. Rejects when it breaks off. */
  readonly done: Promise<{ readonly bytes: number; readonly wrong: number }>;
}

/** Downloads `pieces` of 64 KiB, one every 100 ms, of the pattern that the test app's /stream sends. */
export async function openDownload({ address, domain }: Entrance, pieces: number): Promise<Download> {
  const bytes = 65536 * pieces;
  let received = 0;
  let wrong = 0;
  const done = new Promise<{ bytes: number; wrong: number }>((resolve, reject) => {
    get({ host: address, port: 80, path: `/stream?bytes=${bytes}&ms=100`, agent: false, headers: { host: domain }, signal: AbortSignal.timeout(200_000) }, (response) => {
      response.on('data', (chunk: Buffer) => {
        for (const byte of chunk) if (byte !== received++ % 251) wrong++;
      });
      response.on('error', (cause) => { reject(new Error(`the download broke after ${received} of ${bytes} bytes`, { cause })); });
      response.on('end', () => { resolve({ bytes: received, wrong }); });
    }).on('error', reject);
  });
  // Looked at later; until then nobody need listen.
  done.catch(() => undefined);
  await until(() => received > 0 || 'no byte has come', { timeoutMs: 20_000, what: 'the download begins' });
  return { get received() { return received; }, done };
}

/** Waits for the end of a download, which must be whole. */
export async function assertWhole(download: Download, pieces: number): Promise<void> {
  assert.deepEqual(await download.done, { bytes: 65536 * pieces, wrong: 0 });
}

export interface EchoSocket {
  /** What ended it, or ''. */
  readonly broken: string;
  /** Sends a text and waits until it has come back. */
  echo(text: string): Promise<void>;
  close(): Promise<void>;
}

/** A WebSocket to the test app. */
export async function openSocket({ address, domain }: Entrance): Promise<EchoSocket> {
  const socket = new WebSocket(`ws://${address}/ws`, { headers: { host: domain } });
  let last = '';
  let broken = '';
  socket.on('message', (data) => { last = data instanceof Buffer ? data.toString() : ''; });
  socket.on('close', (code) => { broken ||= `the WebSocket ended with ${code}`; });
  socket.on('error', (error) => { broken ||= error.message; });
  await until(() => socket.readyState === WebSocket.OPEN || broken || 'it is opening', { timeoutMs: 20_000, what: 'the WebSocket opens' });
  return {
    get broken() { return broken; },
    echo: async (text) => {
      assert.equal(broken, '');
      socket.send(text);
      await until(() => last === text || broken || `the last echo was '${last}'`, { timeoutMs: 5000, what: 'the WebSocket echoes' });
    },
    close: async () => {
      assert.equal(broken, '');
      socket.close();
      await until(() => socket.readyState === WebSocket.CLOSED || 'it is open', { timeoutMs: 5000, what: 'the WebSocket closes' });
    },
  };
}
