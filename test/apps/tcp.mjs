/**
 * An app that does not speak HTTP, for tests: it speaks first, as SSH, SMTP and MySQL do, then answers line by line.
 *
 *   banner             220 <APP_NAME> <APP_VERSION> run <run> ready
 *   ECHO text          text
 *   ENV name           value of the variable
 *   PEERS              number of connections, this one included
 *   BYTES n            n bytes (byte i is i mod 251), then a line
 *   QUIT               221 bye, and closes
 *   anything else      500 what?
 *
 * PORT, START_DELAY_MS, EXIT_AT_START are as in app.mjs.
 */
import { createServer } from 'node:net';

const { env } = process;
const run = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
const peers = new Set();

const server = createServer((socket) => {
  peers.add(socket);
  socket.setNoDelay(true);
  socket.on('error', () => {}).on('close', () => peers.delete(socket));
  const say = (line) => socket.write(`${line}\r\n`);
  say(`220 ${env.APP_NAME ?? 'app'} ${env.APP_VERSION ?? '-'} run ${run} ready`);
  let pending = '';
  socket.setEncoding('utf8').on('data', (text) => {
    const lines = (pending + text).split(/\r?\n/);
    pending = lines.pop();
    for (const line of lines) answer(line);
  });

  function answer(line) {
    const [, verb, rest = ''] = /^(\S*) ?(.*)$/.exec(line) ?? [];
    switch (verb) {
      case 'ECHO': return say(rest);
      case 'ENV': return say(env[rest] ?? '');
      case 'PEERS': return say(String(peers.size));
      case 'BYTES':
        socket.write(Buffer.from(Uint8Array.from({ length: Number(rest) }, (_, n) => n % 251)));
        return say('');
      case 'QUIT': return socket.end('221 bye\r\n');
      default: return say('500 what?');
    }
  }
});

process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  for (const socket of peers) socket.end('421 going away\r\n');
});

setTimeout(() => {
  if (env.EXIT_AT_START !== undefined) process.exit(Number(env.EXIT_AT_START));
  server.listen({ port: Number(env.PORT ?? 8080), host: '0.0.0.0', backlog: 4096 });
}, Number(env.START_DELAY_MS ?? 0));
