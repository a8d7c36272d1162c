#!/usr/bin/env node
// scripts/websocket URL MESSAGE [SECONDS]
// Opens a WebSocket, sends MESSAGE, prints what comes, stays for SECONDS (default 1).
import { createRequire } from 'node:module';

const [url, text, seconds = '1'] = process.argv.slice(2);
if (text === undefined) {
  console.error('usage: websocket URL MESSAGE [SECONDS]');
  process.exit(2);
}
// In a checkout, or on a host.
const require = createRequire(import.meta.url);
const { WebSocket } = require(require.resolve('undici', { paths: [import.meta.dirname, '/usr/lib/fastcontainer'] }));

const socket = new WebSocket(url);
socket.addEventListener('open', () => {
  console.log('open');
  socket.send(text);
  setTimeout(() => socket.close(), Number(seconds) * 1000);
});
socket.addEventListener('message', ({ data }) => console.log(`received ${data}`));
socket.addEventListener('error', ({ message, error }) => {
  console.error(`failed: ${error?.message ?? message}`);
  process.exit(1);
});
socket.addEventListener('close', ({ code }) => console.log(`closed ${code}`));
