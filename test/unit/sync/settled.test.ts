import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Standing } from '../../../src/cmdb/history.ts';
import { goodUntil, SettledFile, tracesOf } from '../../../src/sync/settled.ts';
import { HOST_PATHS, type Paths } from '../../../src/systemd/paths.ts';

const STANDING: Standing = { origin: 'o', changes: [{ first: 1n, last: 7n }], digest: 'd' };

/** A host in a folder of the test's own, with all its folders. */
async function host(t: TestContext): Promise<Paths> {
  const root = await mkdtemp(join(tmpdir(), 'fc-settled-'));
  t.after(() => rm(root, { recursive: true }));
  const paths = Object.fromEntries(Object.entries(HOST_PATHS).map(([key, path]: [string, string]) => [key, join(root, path)])) as unknown as Paths;
  for (const folder of [paths.units, paths.env, paths.net, paths.images, paths.imageFailures, paths.ports, paths.netns]) await mkdir(folder, { recursive: true });
  for (const target of ['fc-doors', 'fc-apps']) await mkdir(join(paths.units, `${target}.target.wants`));
  await writeFile(paths.snapshot, '{}');
  return paths;
}

/** After a pass that found all as it should be. */
async function settledHost(t: TestContext, untilMs = goodUntil(Date.now(), null)): Promise<{ paths: Paths; holds: (now?: Standing, setup?: string) => Promise<string | null> }> {
  const paths = await host(t);
  await new SettledFile(paths.settled, 'setup').note({ traces: await tracesOf(paths), untilMs, says: '3 unchanged' }, STANDING);
  return { paths, holds: (now = STANDING, setup = 'setup') => new SettledFile(paths.settled, setup).holds(paths, () => Promise.resolve(now)) };
}

test('nothing has changed', async (t) => {
  const { holds } = await settledHost(t);
  assert.equal(await holds(), '3 unchanged');
});

test('the CMDB has gone on', async (t) => {
  const { holds } = await settledHost(t);
  assert.equal(await holds({ ...STANDING, changes: [{ first: 1n, last: 8n }] }), null);
  assert.equal(await holds({ ...STANDING, digest: 'other' }), null);
});

test('the configuration, the templates or the program are others', async (t) => {
  const { holds } = await settledHost(t);
  assert.equal(await holds(STANDING, 'other'), null);
});

test('it is a while ago, or the clock was set back', async (t) => {
  assert.equal(await (await settledHost(t, Date.now() - 1)).holds(), null);
  assert.equal(await (await settledHost(t, Date.now() + 24 * 3600_000)).holds(), null);
});

test('an app is due to fall into deep sleep before the next whole look', () => {
  assert.equal(goodUntil(1000, 500), 1500);
  assert.equal(goodUntil(1000, null), goodUntil(1000, 1e9));
});

describe('on the host', () => {
  const changes: [what: string, change: (paths: Paths) => Promise<void>][] = [
    ['a unit has come', (paths) => writeFile(join(paths.units, 'fc-ctr-a-00000000.service'), '')],
    ['a door of the boot has come', (paths) => symlink('x', join(paths.units, 'fc-doors.target.wants', 'x'))],
    ['a port of the boot has come', (paths) => symlink('x', join(paths.units, 'fc-apps.target.wants', 'x'))],
    ['an environment file has come', (paths) => writeFile(join(paths.env, 'a-00000000'), '')],
    ['a network has come', (paths) => writeFile(join(paths.net, 'a-00000000'), '')],
    ['a namespace has come', (paths) => writeFile(join(paths.netns, 'fc-a-00000000'), '')],
    ['an image could not be fetched', (paths) => writeFile(join(paths.imageFailures, '0'.repeat(16)), '')],
    ['a port has a door', (paths) => symlink('x', join(paths.ports, '25'))],
    ['a socket has come', (paths) => writeFile(join(paths.run, 'a-00000000.sock'), '')],
    ['the snapshot is another one', (paths) => writeFile(paths.snapshot, '{"later":1}')],
    ['what is remembered of failures is another thing', (paths) => writeFile(paths.state, '{}')],
  ];
  for (const [what, change] of changes) {
    test(what, async (t) => {
      const { paths, holds } = await settledHost(t);
      await change(paths);
      assert.equal(await holds(), null);
    });
  }

  test('an app that wakes or falls asleep is nothing to look at', async (t) => {
    const { paths, holds } = await settledHost(t);
    await writeFile(join(paths.run, 'a-00000000.pid'), '1');
    assert.equal(await holds(), '3 unchanged');
  });
});

test('a pass that found something to do forgets it, whoever had noted it', async (t) => {
  const { paths, holds } = await settledHost(t);
  await new SettledFile(paths.settled, 'setup').note(null, STANDING);
  assert.equal(await holds(), null);
});

test('a file that holds something else counts as none', async (t) => {
  const { paths, holds } = await settledHost(t);
  for (const text of ['', '[]', '{"setup":"setup"}', 'x']) {
    await writeFile(paths.settled, text);
    assert.equal(await holds(), null);
  }
});
