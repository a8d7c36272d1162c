import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { SnapshotFile } from '../../src/snapshot/watch.ts';
import { appOf, MemoryLog, snapshotOf, until } from './proxy/support.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'fc-snapshot-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

/** Replaces a file as fc-sync does. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}

function follow(t: TestContext, path: string): { seen: string[]; log: MemoryLog; file: SnapshotFile } {
  const seen: string[] = [];
  const log = new MemoryLog();
  const file = new SnapshotFile(path, log, ({ apps }) => { seen.push(apps.map(({ name }) => name).join()); });
  t.after(() => { file.close(); });
  return { seen, log, file };
}

const text = (...apps: string[]): string => JSON.stringify(snapshotOf(...apps.map((name) => appOf(name, [], null))));

test('reads the file, and every one that replaces it', async (t) => {
  const path = join(await folder(t), 'snapshot.json');
  await replace(path, text('a'));
  const { seen, file } = follow(t, path);
  await file.start();
  assert.deepEqual(seen, ['a']);
  await replace(path, text('a', 'b'));
  await until('the news', () => seen.length === 2);
  await replace(path, text('c'));
  await until('the news', () => seen.length === 3);
  assert.deepEqual(seen, ['a', 'a,b', 'c']);
});

test('a file that is not there yet', async (t) => {
  const path = join(await folder(t), 'snapshot.json');
  const { seen, log, file } = follow(t, path);
  await file.start();
  assert.match(log.lines.join(), /^info no snapshot yet/);
  await replace(path, text('a'));
  await until('the news', () => seen.length === 1);
});

test('a folder that is not there yet', async (t) => {
  const path = join(await folder(t), 'later', 'snapshot.json');
  const { seen, file } = follow(t, path);
  await file.start();
  await mkdir(join(path, '..'));
  await replace(path, text('a'));
  await until('the second look', () => seen.length === 1, 7000);
});

test('one that cannot be read changes nothing, and is told of once', async (t) => {
  const path = join(await folder(t), 'snapshot.json');
  await replace(path, text('a'));
  const { seen, log, file } = follow(t, path);
  await file.start();
  await replace(path, '{"format":1,');
  await until('the complaint', () => log.lines.length === 1);
  assert.match(log.lines[0] ?? '', /^error cannot take over the snapshot; the last good one stays .*not JSON/);
  await file.reload();
  await file.reload();
  assert.equal(log.lines.length, 1);
  await replace(path, text('b'));
  await until('the news', () => seen.length === 2);
});

test('reload() has read a file that was there when it was called', async (t) => {
  const path = join(await folder(t), 'snapshot.json');
  await replace(path, text('a'));
  const { seen, file } = follow(t, path);
  await file.start();
  for (let i = 0; i < 20; i++) {
    void file.reload();
    await replace(path, text(`n${i}`));
    await file.reload();
    assert.equal(seen.at(-1), `n${i}`);
  }
});
