/**
 * The app that tests put into containers: one file, nothing but Node. It
 * knows nothing of FastContainer. What it does wrong it does on request:
 *
 *   PORT=8080            the port it listens on
 *   LISTEN_PORT=9090     listens there instead (an operator's mistake)
 *   LISTEN_HOST=127.0.0.1  listens on loopback only
 *   NEVER_LISTEN=1       runs but never listens
 *   START_DELAY_MS=1000  listens only after a while
 *   EXIT_AT_START=3      exits at once with this code (after START_DELAY_MS)
 *   IGNORE_TERM=1        ignores SIGTERM
 *   READY_AFTER_MS=500   /ready answers 503 until then
 *   APP_NAME, APP_VERSION  shown by `/`
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { hostname } from 'node:os';

const { env } = process;
const number = (text, otherwise) => (text === undefined || text === '' ? otherwise : Number(text));
const startedAt = Date.now();
/** Tells one run of the app from the next. */
const run = `${startedAt.toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
let requests = 0;
/** Sockets that speak WebSocket, which `server.close()` would wait for. */
const upgraded = new Set();

const server = createServer((request, response) => {
  requests += 1;
  const url = new URL(request.url, 'http://app');
  const handler = routes[url.pathname];
  if (handler === undefined) {
    request.resume();
    send(response, 404, `no ${url.pathname} here\n`);
    return;
  }
  response.on('error', () => {});
  handler(request, response, url.searchParams);
});

function send(response, status, body, type = 'text/plain; charset=utf-8') {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

const json = (response, value) => send(response, 200, `${JSON.stringify(value, null, 2)}\n`, 'application/json');

const routes = {
  '/': (_request, response) =>
    send(response, 200, `hello from ${env.APP_NAME ?? hostname()} ${env.APP_VERSION ?? ''}\nrun ${run}\n`),

  /** The body back, byte for byte, while it still comes in; the method in a header. */
  '/echo': (request, response) => {
    const headers = { 'x-method': request.method, 'content-type': request.headers['content-type'] ?? 'application/octet-stream' };
    if (request.headers['content-length'] !== undefined) headers['content-length'] = request.headers['content-length'];
    response.writeHead(200, headers);
    request.pipe(response);
  },

  /** The request's fields as they came. */
  '/headers': (request, response) => json(response, request.rawHeaders),

  /** Length and SHA-256 of the body. */
  '/digest': (request, response) => {
    const hash = createHash('sha256');
    let length = 0;
    request.on('data', (chunk) => {
      hash.update(chunk);
      length += chunk.length;
    });
    request.on('end', () => json(response, { length, sha256: hash.digest('hex') }));
  },

  /** The request as it arrived. */
  '/request': (request, response) => {
    request.resume();
    json(response, {
      method: request.method,
      url: request.url,
      httpVersion: request.httpVersion,
      rawHeaders: request.rawHeaders,
      remoteAddress: request.socket.remoteAddress,
    });
  },

  '/env': (_request, response) => json(response, env),
  '/args': (_request, response) => json(response, process.argv.slice(2)),
  '/pid': (_request, response) => json(response, { pid: process.pid, run, requests, uptimeMs: Date.now() - startedAt }),

  '/ready': (_request, response) => {
    const ready = Date.now() - startedAt >= number(env.READY_AFTER_MS, 0);
    send(response, ready ? 200 : 503, ready ? 'ready\n' : 'not yet\n');
  },

  /** Answers after `ms`. */
  '/slow': (_request, response, query) => {
    const timer = setTimeout(() => send(response, 200, `slept ${query.get('ms')}\n`), number(query.get('ms') ?? undefined, 1000));
    response.on('close', () => clearTimeout(timer));
  },

  /** `bytes` of a pattern (byte n is n mod 251); with `ms`, a pause between pieces of 64 KiB. */
  '/stream': (_request, response, query) => {
    const total = number(query.get('bytes') ?? undefined, 1 << 20);
    const pause = number(query.get('ms') ?? undefined, 0);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': total });
    let sent = 0;
    const more = () => {
      while (sent < total) {
        const piece = Buffer.allocUnsafe(Math.min(65536, total - sent));
        for (let i = 0; i < piece.length; i += 1) piece[i] = (sent + i) % 251;
        sent += piece.length;
        const room = response.write(piece);
        if (sent >= total) break;
        if (pause > 0) return void setTimeout(more, pause);
        if (!room) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  },

  /** Server-sent events, one a `ms`, `count` of them (0: until the client leaves). */
  '/events': (_request, response, query) => {
    const count = number(query.get('count') ?? undefined, 3);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let n = 0;
    const timer = setInterval(() => {
      n += 1;
      response.write(`data: ${n}\n\n`);
      if (n === count) response.end();
    }, number(query.get('ms') ?? undefined, 100));
    response.on('close', () => clearInterval(timer));
  },

  /** Breaks the connection in the middle of an answer. */
  '/break': (_request, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('only this', () => response.destroy());
  },

  '/log': (_request, response, query) => {
    console.log(query.get('text') ?? 'a line');
    send(response, 200, 'logged\n');
  },

  '/exit': (_request, response, query) => {
    send(response, 200, 'exiting\n');
    response.on('finish', () => process.exit(number(query.get('code') ?? undefined, 0)));
  },

  /** Tries to reach `host`:`port` from inside: what the network lets an app do. */
  '/reach': async (_request, response, query) => {
    const { connect } = await import('node:net');
    const socket = connect({ host: query.get('host'), port: number(query.get('port') ?? undefined, 80) });
    const outcome = await new Promise((resolve) => {
      socket.setTimeout(number(query.get('ms') ?? undefined, 1000), () => resolve('timeout'));
      socket.on('connect', () => resolve('connected'));
      socket.on('error', (error) => resolve(error.code));
    });
    socket.destroy();
    json(response, { outcome });
  },
};

/** RFC 6455, as little as an echo needs: unfragmented client frames, text, binary, ping and close. */
server.on('upgrade', (request, socket, head) => {
  requests += 1;
  socket.on('error', () => {});
  upgraded.add(socket);
  socket.on('close', () => upgraded.delete(socket));
  if (new URL(request.url, 'http://app').pathname !== '/ws' || request.headers['sec-websocket-key'] === undefined) {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  let pending = head;
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    takeFrames();
  });
  takeFrames();

  function takeFrames() {
    for (;;) {
      if (pending.length < 6) return;
      const opcode = pending[0] & 0x0f;
      let length = pending[1] & 0x7f;
      let offset = 2;
      if (length === 126) {
        if (pending.length < 8) return;
        length = pending.readUInt16BE(2);
        offset = 4;
      } else if (length === 127) {
        if (pending.length < 14) return;
        length = Number(pending.readBigUInt64BE(2));
        offset = 10;
      }
      if (pending.length < offset + 4 + length) return;
      const mask = pending.subarray(offset, offset + 4);
      const payload = Buffer.from(pending.subarray(offset + 4, offset + 4 + length));
      for (let i = 0; i < payload.length; i += 1) payload[i] ^= mask[i & 3];
      pending = pending.subarray(offset + 4 + length);
      if (opcode === 0x8) {
        socket.end(frame(0x8, payload));
        return;
      }
      if (opcode === 0x9) socket.write(frame(0xa, payload));
      else if (opcode === 0x1 || opcode === 0x2) socket.write(frame(opcode, payload));
    }
  }
});

function frame(opcode, payload) {
  let header;
  if (payload.length < 126) header = Buffer.from([0x80 | opcode, payload.length]);
  else if (payload.length < 65536) {
    header = Buffer.from([0x80 | opcode, 126, 0, 0]);
    header.writeUInt16BE(payload.length, 2);
  } else {
    header = Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([header, payload]);
}

process.on('SIGTERM', () => {
  if (env.IGNORE_TERM) return;
  // Finishes what it has, like a well-behaved app.
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  // 1001: going away (RFC 6455, section 7.4.1).
  for (const socket of upgraded) socket.end(frame(0x8, Buffer.from([0x03, 0xe9])));
});

setTimeout(() => {
  if (env.EXIT_AT_START !== undefined) {
    console.error(`exiting with ${env.EXIT_AT_START}, as asked`);
    process.exit(Number(env.EXIT_AT_START));
  }
  if (env.NEVER_LISTEN) {
    setInterval(() => {}, 1 << 30);
    return;
  }
  const port = number(env.LISTEN_PORT, number(env.PORT, 8080));
  // A backlog as large as the largest herd a test sends.
  server.listen({ port, host: env.LISTEN_HOST || '0.0.0.0', backlog: 4096 }, () => console.log(`listening on ${port}`));
}, number(env.START_DELAY_MS, 0));
