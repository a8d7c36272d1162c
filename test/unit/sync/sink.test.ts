/** A door closes only when nobody has come to it; what leads to it goes with it, and not before. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gateUnit, socketUnit } from '../../../src/model/names.ts';
import { CLOSING, reopen, sink } from '../../../src/systemd/apply-sleep.ts';
import type { SyncManager } from '../../../src/systemd/apply.ts';
import type { JobResult, UnitState } from '../../../src/systemd/manager.ts';
import { doorWants, HOST_PATHS, type Paths } from '../../../src/systemd/paths.ts';

const INSTANCE = 'my_shop-11111111';
const DOOR = 'my-shop-11111111.sock';
const SLEEPER = { app: 'my-shop', instance: INSTANCE, socket: socketUnit(INSTANCE), namespace: true };

/** A host with one app whose door is open. */
async function host(t: TestContext): Promise<Paths> {
  const folder = await mkdtemp(join(tmpdir(), 'fc-sink-'));
  t.after(() => rm(folder, { recursive: true }));
  const paths: Paths = { ...HOST_PATHS, units: join(folder, 'units'), run: join(folder, 'run'), visits: join(folder, 'visits') };
  for (const path of [paths.units, doorWants(paths), paths.run, paths.visits]) await mkdir(path);
  await writeFile(join(paths.run, DOOR), '');
  await symlink(DOOR, join(paths.run, 'my-shop.sock'));
  await symlink(`../${SLEEPER.socket}`, join(doorWants(paths), SLEEPER.socket));
  await writeFile(join(paths.visits, INSTANCE), '');
  return paths;
}

/** What is left of the app. */
async function left(paths: Paths): Promise<readonly string[]> {
  return [...await readdir(paths.run), ...await readdir(doorWants(paths)), ...await readdir(paths.visits)].sort();
}

const ALL = [SLEEPER.socket, INSTANCE, 'my-shop.sock', DOOR].sort();

interface Said {
  readonly jobs: string[];
  /** The names in the folder of the sockets while systemd was asked. */
  readonly doors: (readonly string[])[];
}

function manager(paths: Paths, states: Readonly<Record<string, Pick<UnitState, 'activeState' | 'subState'>>>, result: JobResult = 'done'): SyncManager & Said {
  const [jobs, doors]: [string[], (readonly string[])[]] = [[], []];
  return {
    jobs, doors,
    run: (verb, unit) => {
      jobs.push(`${verb} ${unit}`);
      return Promise.resolve(result);
    },
    statesOf: async (units) => {
      doors.push(await readdir(paths.run));
      return units.map((unit) => ({ unit, loaded: true, activeState: 'inactive', subState: 'dead', ...states[unit] }));
    },
    list: () => Promise.resolve([]), evidence: () => Promise.resolve(null), activeForMs: () => Promise.resolve(null), resetFailed: () => Promise.resolve(),
  };
}

const LISTENING = { [SLEEPER.socket]: { activeState: 'active', subState: 'listening' } } as const;

test('a quiet door closes, with all that leads to it, and the namespace is given back', async (t) => {
  const paths = await host(t);
  const systemd = manager(paths, LISTENING);
  assert.deepEqual(await sink([SLEEPER], Infinity, paths, systemd), []);
  assert.deepEqual(systemd.jobs, [`stop ${SLEEPER.socket}`, `start fc-deep@${INSTANCE}.service`]);
  assert.deepEqual(await left(paths), []);
  assert.equal(systemd.doors.length, 2, 'the second answer tells of all who came before the first question');
  for (const doors of systemd.doors) assert.ok(!doors.includes(DOOR), 'nobody can come meanwhile');
});

const kept: readonly (readonly [string, Parameters<typeof manager>[1], JobResult])[] = [
  ['to which somebody has come', { [SLEEPER.socket]: { activeState: 'active', subState: 'running' } }, 'done'],
  ['whose gate is being started', { ...LISTENING, [gateUnit(INSTANCE)]: { activeState: 'activating', subState: 'start' } }, 'done'],
  ['whose closing was taken back', LISTENING, 'canceled'],
];
for (const [what, states, result] of kept) {
  test(`a door ${what} stays, under its name`, async (t) => {
    const paths = await host(t);
    assert.deepEqual(await sink([SLEEPER], Infinity, paths, manager(paths, states, result)), []);
    assert.deepEqual(await left(paths), ALL);
  });
}

test('a door gets its name back that a run which was killed left without', async (t) => {
  const paths = await host(t);
  await rm(join(paths.run, DOOR));
  await writeFile(join(paths.run, DOOR + CLOSING), '');
  await reopen([DOOR + CLOSING], paths);
  assert.deepEqual(await left(paths), ALL);
});
