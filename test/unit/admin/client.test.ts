/** fc-admin asked over its Unix socket, and everything that can come of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { AdminError, askAdmin } from '../../../src/admin/client.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'fc-client-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

async function admin(t: TestContext, listener: RequestListener): Promise<string> {
  const path = join(await folder(t), 'admin.sock');
  const server = createHttpServer(listener).listen(path);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return path;
}

const refusal = (message: RegExp) => (error: unknown): boolean => error instanceof AdminError && message.test(error.message) || assert.fail(String(error));

test('says what fc-admin says, at the path that was asked for', async (t) => {
  const path = await admin(t, (req, res) => { res.end(JSON.stringify({ asked: `${req.method} ${req.url}`, text: 'é'.repeat(100_000) })); });
  assert.deepEqual(await askAdmin('/state.json?state=awake', path), { asked: 'GET /state.json?state=awake', text: 'é'.repeat(100_000) });
});

describe('says why not, and what to do', () => {
  test('nothing is there', async (t) => {
    const path = join(await folder(t), 'admin.sock');
    await assert.rejects(askAdmin('/', path), refusal(/^fc-admin does not listen at .*admin\.sock: systemctl start fc-admin\.socket$/));
  });

  test('nobody listens there', async (t) => {
    const path = join(await folder(t), 'admin.sock');
    await writeFile(path, '');
    await assert.rejects(askAdmin('/', path), refusal(/systemctl start fc-admin\.socket/));
  });

  test('it says no', async (t) => {
    const path = await admin(t, (_req, res) => { res.writeHead(400, { 'Content-Type': 'application/problem+json' }).end('{"detail":"sort is \\"x\\""}'); });
    await assert.rejects(askAdmin('/', path), refusal(/^fc-admin answers 400: sort is "x"$/));
  });

  test('it says no in plain text', async (t) => {
    const path = await admin(t, (_req, res) => { res.writeHead(404).end('not here\n'); });
    await assert.rejects(askAdmin('/', path), refusal(/^fc-admin answers 404: not here$/));
  });

  test('it says something else than JSON', async (t) => {
    const path = await admin(t, (_req, res) => { res.end('<html>'); });
    await assert.rejects(askAdmin('/', path), refusal(/is not JSON/));
  });

  test('it breaks off', async (t) => {
    const path = await admin(t, (_req, res) => { res.write('{'); res.socket?.destroy(); });
    await assert.rejects(askAdmin('/', path), refusal(/broke off .*journalctl -u fc-admin/));
  });

  test('it speaks no HTTP', async (t) => {
    const path = join(await folder(t), 'admin.sock');
    const server = createServer((socket) => { socket.end('hello\r\n'); }).listen(path);
    await once(server, 'listening');
    t.after(() => { server.close(); });
    await assert.rejects(askAdmin('/', path), refusal(/broke off/));
  });

  test('it says nothing, or not all, in time', async (t) => {
    for (const listener of [(): void => undefined, ((_req, res) => { res.write('{'); }) satisfies RequestListener]) {
      const path = await admin(t, listener);
      await assert.rejects(askAdmin('/', path, 50), refusal(/did not answer within 0\.05 s: systemctl status fc-admin/));
    }
  });
});
