/**
 * Requests at a steady rate, whatever becomes of those before (an open loop), each measured from when it was due: one that
 * waits because the generator, or the proxy, is behind has waited all the same ("coordinated omission").
 *
 * steady.ts ADDRESS PORT HOST RATE SECONDS: prints the milliseconds of each as JSON. Never sleeps within the time, as a
 * timer would be late by up to a millisecond: it takes a CPU of its own. As user fc-proxy, whom apps' walls let through.
 */
import { connect, type Socket } from 'node:net';

const [address = '', port = '', hostname = '', rate = '', seconds = ''] = process.argv.slice(2);
const REQUEST = `GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`;
const EVERY_MS = 1000 / Number(rate);
const COUNT = Math.round(Number(rate) * Number(seconds));
/** More would be more than any of them is told to take. */
const MAX_CONNECTIONS = 512;
/** For those that have not been answered when the last was due. Whoever is not by then counts as if he were at that moment. */
const PATIENCE_MS = 10_000;

interface Line { readonly socket: Socket; dueAt: number; missing: number }

const lines: Line[] = [];
const idle: Line[] = [];
const waiting: number[] = [];
const took: number[] = [];
/** Bytes of an answer: all are alike. */
let answerBytes = 0;

const fail = (why: string): never => { console.error(why); process.exit(1); };

function answered(line: Line): void {
  took.push(performance.now() - line.dueAt);
  const next = waiting.shift();
  if (next === undefined) idle.push(line);
  else send(line, next);
}

function send(line: Line, dueAt: number): void {
  line.dueAt = dueAt;
  line.missing = answerBytes;
  line.socket.write(REQUEST, 'latin1');
}

function openLine(dueAt: number): void {
  const socket = connect({ host: address, port: Number(port), noDelay: true });
  const line: Line = { socket, dueAt, missing: answerBytes };
  lines.push(line);
  socket.once('connect', () => { send(line, dueAt); });
  socket.on('error', (error) => fail(error.message));
  socket.on('data', (chunk) => {
    line.missing -= chunk.length;
    if (line.missing < 0) fail(`an answer is not as long as the first: ${chunk.toString('latin1').slice(0, 200)}`);
    if (line.missing === 0) answered(line);
  });
  socket.on('close', () => fail('a connection was closed'));
}

/** The length of an answer, head and all: of a second one, as a first may say how its app was started. */
async function probe(): Promise<number> {
  const lengths: number[] = [];
  for (let round = 0; round < 2; round++) {
    const socket = connect({ host: address, port: Number(port) });
    socket.write(REQUEST);
    lengths.push(await new Promise<number>((resolve, reject) => {
      let text = '';
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        const head = text.indexOf('\r\n\r\n');
        const length = Number(/^content-length: *([0-9]+)/im.exec(text)?.[1] ?? NaN);
        if (head === -1 || text.length < head + 4 + length) return;
        if (!text.startsWith('HTTP/1.1 200')) reject(new Error(text.slice(0, 200)));
        resolve(text.length);
      });
    }));
    socket.destroy();
  }
  return lengths[1] ?? 0;
}

process.setgid?.('fc-proxy');
process.setuid?.('fc-proxy');
answerBytes = await probe();
let due = 0;
const began = performance.now() + 50;
const lastAt = began + COUNT * EVERY_MS;
const turn = (): void => {
  const now = performance.now();
  for (; due < COUNT && began + due * EVERY_MS <= now; due++) {
    const dueAt = began + due * EVERY_MS;
    const line = idle.pop();
    if (line !== undefined) send(line, dueAt);
    else if (lines.length < MAX_CONNECTIONS) openLine(dueAt);
    else waiting.push(dueAt);
  }
  if (now > lastAt + PATIENCE_MS) {
    const late = [...lines.filter(({ missing }) => missing > 0).map((line) => line.dueAt), ...waiting];
    took.push(...late.map((dueAt) => now - dueAt));
  }
  if (took.length === COUNT) {
    process.stdout.write(JSON.stringify(took.map((ms) => Number(ms.toFixed(4)))), () => { process.exit(0); });
  } else {
    setImmediate(turn);
  }
};
turn();
