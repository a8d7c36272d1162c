/** What `npm pack` makes, installed as anybody would: complete, without a registry, and its commands work. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run, runOk } from '../support/run.ts';
import { until } from '../support/until.ts';

const REPO = fileURLToPath(new URL('../..', import.meta.url));
const { bin, dependencies } = JSON.parse(readFileSync(`${REPO}package.json`, 'utf8')) as { bin: Record<string, string>; dependencies: Record<string, string> };

describe('npm pack', { timeout: 200_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'fc-npm-'));
  const prefix = join(folder, 'prefix');
  const installed = join(prefix, 'lib/node_modules/fastcontainer');
  let proxy: ChildProcess | null = null;
  let packed: string[];

  before(async () => {
    await runOk('npm', ['--prefix', REPO, 'pack', REPO, '--silent', '--pack-destination', folder], { timeoutMs: 120_000 });
    const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    packed = (await runOk('tar', ['-tzf', join(folder, tarball)])).trim().split('\n');
    await runOk('npm', ['install', '--global', '--offline', '--no-audit', '--no-fund', '--prefix', prefix, join(folder, tarball)], { timeoutMs: 120_000 });
  });
  after(() => {
    proxy?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  test('holds what runs, and no tests or sources', () => {
    for (const path of ['README.md', 'dist/cmdb/schema/001-tables.sql', 'templates/fc-ctr.service', 'units/fc-proxy.service', 'units/libexec/fc-run', 'scripts/provision']) {
      assert.ok(packed.includes(`package/${path}`), path);
    }
    assert.deepEqual(packed.filter((path) => /^package\/(src|test|\.cache|\.git)\//.test(path)), []);
  });

  test('brings its packages along, and none that is compiled', async () => {
    const there = readdirSync(join(installed, 'node_modules'));
    for (const name of Object.keys(dependencies)) assert.ok(there.includes(name), name);
    assert.deepEqual(there.filter((name) => /gyp|^nan$|^bindings$/.test(name)), []);
    assert.equal(await runOk('find', [installed, '-name', '*.node']), '');
  });

  for (const name of Object.keys(bin)) {
    test(`${name} says what it does, and what is wrong`, async () => {
      const command = join(prefix, 'bin', name);
      assert.match(await runOk(command, ['--help']), new RegExp(`^Usage: ${name}`));
      const { code, stderr } = await run(command, ['--no-such-option']);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`${name}: .*no-such-option[^]*Try ${name} --help\\.`));
    });
  }

  test('fc-proxy listens', async () => {
    const port = await freePort();
    writeFileSync(join(folder, 'host.ini'), '[host]\nname = web1\n');
    const child = proxy = spawn(join(prefix, 'bin/fc-proxy'), ['--listen', `127.0.0.1:${port}`, '--config', join(folder, 'host.ini'), '--snapshot', join(folder, 'none.json')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => { said += data.toString(); });
    await until(() => said.includes('ready listeners=1') || said, { timeoutMs: 15_000, what: 'it is ready' });
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { accept: 'application/json' } });
    assert.equal(answer.status, 503, 'there is no snapshot');
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    await answer.text();
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
