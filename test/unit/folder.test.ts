import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { namesIn } from '../../src/files.ts';
import { Folder } from '../../src/systemd/folder.ts';

describe('a folder', () => {
  test('is read again when something has come or gone, when that may have been just now, and when it is to be forgotten', async (t) => {
    const path = await mkdtemp(join(tmpdir(), 'fc-folder-'));
    t.after(() => rm(path, { recursive: true }));
    let reads = 0;
    const folder = new Folder(path, async () => {
      reads += 1;
      return [...await namesIn(path)].sort();
    });
    const made = new Date(Date.now() - 60_000);
    await utimes(path, made, made);
    const first = await folder.look();
    assert.equal(await folder.look(), first);
    assert.equal(reads, 1);

    await writeFile(join(path, 'a'), '');
    assert.deepEqual(await folder.look(), ['a']);
    // As a change within the same tick of the kernel's clock leaves it.
    await writeFile(join(path, 'b'), '');
    const now = new Date();
    await utimes(path, now, now);
    await folder.look();
    await writeFile(join(path, 'c'), '');
    await utimes(path, now, now);
    assert.deepEqual(await folder.look(), ['a', 'b', 'c']);

    await utimes(path, made, made);
    await folder.look();
    reads = 0;
    await folder.look();
    assert.equal(reads, 0);
    folder.forget();
    await folder.look();
    assert.equal(reads, 1);
  });

  test('that is not there is seen when it comes', async (t) => {
    const parent = await mkdtemp(join(tmpdir(), 'fc-folder-'));
    t.after(() => rm(parent, { recursive: true }));
    const path = join(parent, 'later');
    const folder = new Folder(path, () => namesIn(path));
    assert.deepEqual(await folder.look(), []);
    await mkdir(path);
    await writeFile(join(path, 'a'), '');
    assert.deepEqual(await folder.look(), ['a']);
  });
});
