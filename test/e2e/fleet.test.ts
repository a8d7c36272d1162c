/** The hop from a front without apps to the host of an app: what goes over it, and who may use it. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { answers, entrance, runsOn, tokenOf } from '../support/fleet-apps.ts';
import { TestFleet } from '../support/fleet-hosts.ts';
import type { TestHost } from '../support/host.ts';
import { openSocket } from '../support/streams.ts';

let fleet: TestFleet;
let front: TestHost;
let web1: TestHost;
let token: string;

before(async () => {
  fleet = await TestFleet.boot({ cmdb: 'front', hosts: ['web1'] });
  [front, web1] = [fleet.cmdb, fleet.host('web1')];
  token = await tokenOf(web1);
}, { timeout: 300_000 });

after(async () => {
  await fleet.kill();
});

describe('a front', () => {
  test('passes a request to the host of its app, which knows the client', async () => {
    await fleet.place('shop', { web1: 100 });
    await answers(front, 'shop');
    assert.equal(await runsOn(web1, 'shop'), true);
    assert.equal(await runsOn(front, 'shop'), false);
    const { body } = await front.request('shop.test', '/request', { headers: { 'x-fastcontainer-app': 'other', 'x-forwarded-for': '6.6.6.6' } });
    assert.ok(!body.includes('6.6.6.6'), body);
    assert.ok(!body.toLowerCase().includes('x-fastcontainer'), body);
    assert.ok(!body.includes(token), 'the app does not see the token');
    assert.match(body, /x-forwarded-for/i);
  });

  test('carries bodies, and a WebSocket', async () => {
    const body = 'one two three '.repeat(20_000);
    assert.equal((await front.request('shop.test', '/echo', { method: 'POST', body })).body, body);
    const socket = await openSocket(entrance(front, 'shop'));
    await socket.echo('across');
    await socket.close();
  });
});

describe('the internal listener', () => {
  const ask = (head: string): Promise<string> => new Promise((resolve, reject) => {
    const socket = connect(8079, web1.address, () => { socket.write(`${head}\r\n\r\n`); });
    let answer = '';
    socket.setTimeout(5_000, () => socket.destroy(new Error('no end within 5 s')));
    socket.on('data', (chunk: Buffer) => { answer += chunk.toString('latin1'); });
    socket.on('error', (error: Error & { code?: string }) => { if (error.code === 'ECONNRESET') resolve(answer); else reject(error); });
    socket.on('close', () => resolve(answer));
  });

  test('gives nothing to who does not prove to be of the fleet', async () => {
    assert.equal(await ask('GET / HTTP/1.1\r\nHost: shop.test\r\nX-FastContainer-App: shop'), '');
    assert.equal(await ask(`GET / HTTP/1.1\r\nHost: shop.test\r\nX-FastContainer-App: shop\r\nX-FastContainer-Token: ${token}x`), '');
  });

  test('answers 421 for an app that is not here, and never passes it on', async () => {
    assert.match(await ask(`GET / HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\nX-FastContainer-App: nowhere\r\nX-FastContainer-Token: ${token}`), /^HTTP\/1\.1 421 /);
  });
});

test('without its tokens a host serves what it has, speaks to nobody, and lets nobody in', { timeout: 60_000 }, async () => {
  await web1.ok('mv /etc/fastcontainer/fleet-tokens /root/fleet-tokens && systemctl restart fc-proxy');
  assert.equal((await web1.request('shop.test', '/')).status, 200);
  const { status, body } = await front.request('shop.test', '/');
  assert.equal(status, 502, body);
  await web1.ok('mv /root/fleet-tokens /etc/fastcontainer/fleet-tokens && systemctl restart fc-proxy');
  assert.equal((await front.request('shop.test', '/')).status, 200);
});
