import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { parseSyncReport } from '../../../src/admin/sync-report.ts';
import { createLogger } from '../../../src/log.ts';
import { lock } from '../../../src/sync/lock.ts';
import { ReportFile } from '../../../src/sync/report-file.ts';
import { inTouch, outOfTouch, type Told } from '../../../src/sync/told.ts';
import { NOTHING_LEFT } from '../../support/cmdb-host.ts';

interface Place {
  readonly path: string;
  readonly lockFile: string;
  readonly said: string[];
  /** Another run's. */
  readonly make: (everyMs?: number) => ReportFile;
  readonly told: () => Promise<Told>;
}

async function place(t: TestContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'fc-report-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [path, lockFile, said] = [join(folder, 'report.json'), join(folder, 'lock'), [] as string[]];
  return {
    path, lockFile, said,
    make: (everyMs = 0) => new ReportFile({ path, lockFile, gid: process.getgid?.() ?? 0, everyMs, log: createLogger((line) => { said.push(line); }, false) }),
    told: async () => parseSyncReport(await readFile(path, 'utf8')) ?? assert.fail('no report'),
  };
}

test('a pass is told, for the group to read', async (t) => {
  const { make, told, path } = await place(t);
  await make().passed(NOTHING_LEFT, '7', inTouch());
  assert.equal((await told()).revision, '7');
  assert.equal((await stat(path)).mode & 0o777, 0o640);
});

test('a try is added to what another run told', async (t) => {
  const { make, told } = await place(t);
  await make().passed({ ...NOTHING_LEFT, handOvers: { done: 2, failed: 0 } }, '7', { syncedAt: 1, triedAt: 1, error: null });
  assert.equal(await make().tried(outOfTouch(new Error('away'))), true);
  const after = await told();
  assert.deepEqual([after.revision, after.syncedAt, after.error, after.handOvers.done], ['7', 1, 'away', 2]);
  await make().tried(inTouch());
  assert.equal((await told()).error, null);
  assert.ok(((await told()).syncedAt ?? 0) > 1);
});

test('where there is none, a try says so', async (t) => {
  const { make, told } = await place(t);
  assert.equal(await make().tried(outOfTouch('away')), false);
  assert.deepEqual([(await told()).syncedAt, (await told()).error], [null, 'away']);
});

test('hand-overs are counted once, whichever runs they were of', async (t) => {
  const { make, told } = await place(t);
  const [one, other] = [make(), make()];
  await one.passed({ ...NOTHING_LEFT, handOvers: { done: 1, failed: 0 } }, '7', inTouch());
  await other.passed({ ...NOTHING_LEFT, handOvers: { done: 0, failed: 1 } }, '7', inTouch());
  await one.passed({ ...NOTHING_LEFT, handOvers: { done: 1, failed: 0 } }, '7', inTouch());
  await one.ended({ done: 3, failed: 0 });
  assert.deepEqual((await told()).handOvers, { done: 3, failed: 1 });
});

test('what differs in its times alone is not written each time', async (t) => {
  const { make, path } = await place(t);
  const file = make(60_000);
  await file.passed(NOTHING_LEFT, '7', inTouch());
  const written = async (): Promise<bigint> => (await stat(path, { bigint: true })).ino;
  const first = await written();
  await file.passed(NOTHING_LEFT, '7', inTouch());
  await file.tried(inTouch());
  assert.equal(await written(), first);
  await file.tried(outOfTouch('away'));
  const second = await written();
  assert.notEqual(second, first);
  await file.passed(NOTHING_LEFT, '8', inTouch());
  assert.notEqual(await written(), second);
});

test('while another run has the lock, it tells of itself', async (t) => {
  const { make, lockFile, path } = await place(t);
  const unlock = await lock(lockFile, 1);
  assert.equal(await make().tried(outOfTouch('away')), true);
  await assert.rejects(stat(path));
  await unlock();
});

test('a report that cannot be written is logged, and stops nothing', async (t) => {
  const { make, path, said } = await place(t);
  await rm(join(path, '..'), { recursive: true });
  await make().passed(NOTHING_LEFT, '7', inTouch());
  await make().tried(inTouch());
  assert.equal(said.filter((line) => /cannot be told/.test(line)).length, 2);
});
