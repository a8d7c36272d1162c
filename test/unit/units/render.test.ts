/** What the units of an app say, read back as systemd reads them; no row can make them say more. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { App } from '../../../src/model/app.ts';
import { parseFleet } from '../../../src/model/parse.ts';
import { parseEnvFileName, parseUnitName } from '../../../src/model/names.ts';
import type { Row } from '../../../src/model/rows.ts';
import { type Generation, renderApp } from '../../../src/units/render.ts';
import { OPTIONS, TEMPLATES } from '../../support/cases.ts';
import { POLICY, appOf } from '../../support/fleet.ts';
import { anyRows, goodAppRow } from '../../support/hostile.ts';
import { type Directive, execArgv, parseUnit, pathWords } from '../../support/unitfile.ts';

const render = (app: App, options = OPTIONS): Generation => renderApp(app, options, TEMPLATES);

function directives(generation: Generation, unit: string): Directive[] {
  return parseUnit(generation.files.find((file) => file.name === unit)?.text ?? '');
}

function valuesOf(list: readonly Directive[], key: string): string[] {
  return list.filter((directive) => directive.key === key).map((directive) => directive.value);
}

/** Every directive of a container unit, in order, from the app alone. */
function containerKeys(app: App): string[] {
  const paths = app.volumes.length + (app.source.kind === 'rootfs' ? 1 : 0);
  const some = (present: boolean, ...keys: string[]): string[] => (present ? keys : []);
  const hasSecrets = [...app.env].some(([key, value]) => /[\r\n]/.test(value) || Buffer.byteLength(`${key}=${value}`) > 60_000);
  return [
    'Unit Description', 'Unit StopWhenUnneeded', 'Unit StartLimitIntervalSec', ...some(app.network !== 'host', 'Unit Requires', 'Unit After'), ...some(app.source.kind !== 'rootfs', 'Unit After'), ...Array.from({ length: paths }, () => 'Unit RequiresMountsFor'),
    'Service Type', 'Service NotifyAccess', 'Service Slice', 'Service SyslogIdentifier', 'Service SyslogLevelPrefix', ...some(app.network !== 'host', 'Service NetworkNamespacePath'),
    ...some(app.memoryMax !== null, 'Service MemoryMax'), ...some(app.cpuQuota !== null, 'Service CPUQuota'), ...some(app.tasksMax !== null, 'Service TasksMax'), 'Service DevicePolicy', 'Service Environment',
    ...some(paths > 0, 'Service ExecStartPre'), ...some(app.network === 'host', 'Service ExecStartPre'), ...some(hasSecrets, 'Service ExecStartPre'),
    'Service ExecStart', 'Service ExecStartPost', 'Service ExecStop', 'Service ExecStopPost', 'Service TimeoutStartSec', 'Service TimeoutStopSec', ...some(app.lifetimeS !== null, 'Service RuntimeMaxSec'), 'Service SuccessExitStatus',
  ];
}

/** What podman is told to run; an archive under a name of ours, whatever it calls itself. */
function sourceWords({ source }: App, mounts: string): string[] {
  if (source.kind === 'rootfs') return ['--rootfs', `${mounts}/0:O`];
  if (source.kind === 'image') return [source.image];
  const text = `${source.transport}:${source.path}${source.tag === null ? '' : `:${source.tag}`}`;
  return [`localhost/fastcontainer-image/${createHash('sha256').update(text).digest('hex').slice(0, 16)}`];
}

/** What its image's unit reads: a value a line, and none of them ends one. */
function checkImage({ source }: App, { image }: Generation): void {
  assert.equal(image === null, source.kind === 'rootfs');
  if (image === null) return;
  assert.match(image.unit, /^fc-image@[0-9a-f]{16}\.service$/);
  assert.equal(image.file, [image.name, image.source, ...(source.kind === 'archive' ? [source.transport, source.root, source.path, source.tag ?? ''] : [])].map((line) => `${line}\n`).join(''));
  assert.equal(image.file.split('\n').length, source.kind === 'archive' ? 7 : 3);
  assert.doesNotMatch(image.name, /^-/);
}

/** argv of podman, from the app alone; the names of files and secrets are checked by the golden files. */
function podmanWords(app: App, instance: string, argv: readonly string[]): void {
  const mounts = `/run/fastcontainer/mounts/${instance}`;
  const tail = [...sourceWords(app, mounts), ...(app.command ?? [])];
  assert.deepEqual(argv.slice(argv.length - tail.length), tail);
  const options = argv.slice(0, argv.length - tail.length);
  assert.equal(options[0], '/usr/lib/fastcontainer/libexec/fc-run');
  const fixed = new Set([
    '--detach', '--rm', '--replace', '--name', '--pidfile', '--cgroups', '--network', '--sdnotify', '--log-driver', '--pull', '--hostname', '--systemd', '--http-proxy', '--no-healthcheck', '--security-opt', '--cap-drop', '--cap-add', '--env-file', '--secret', '--volume', '--uidmap', '--gidmap',
  ]);
  for (const option of options.slice(1)) assert.ok(fixed.has(option.split('=')[0] ?? ''), option);
  const volumes = options.filter((option) => option.startsWith('--volume='));
  const first = app.source.kind === 'rootfs' ? 1 : 0;
  const sys = [
    ...(app.network === 'host' ? [] : [`--volume=/run/fastcontainer-sys/fc-${instance}:/sys:ro,nosuid,nodev,noexec`]),
    ...(app.network === 'egress' ? ['--volume=/run/fastcontainer-net/resolv.conf:/etc/resolv.conf:ro,nosuid,nodev,noexec'] : []),
  ];
  assert.deepEqual(volumes, [...sys, ...app.volumes.map((v, n) => `--volume=${mounts}/${first + n}:${v.container}:${v.readOnly ? 'ro' : 'rw'},nodev,nosuid`)]);
  for (const option of ['--uidmap', '--gidmap']) assert.deepEqual(options.filter((word) => word.startsWith(`${option}=`)), [`${option}=0:${app.uidBase}:65536`]);
  assert.ok(options.includes('--security-opt=no-new-privileges') && options.includes('--cap-drop=all'));
}

/** Everything that must hold of an app's files, whatever its row says. */
function checkGeneration(app: App, generation: Generation): void {
  const container = directives(generation, generation.units.container);
  assert.deepEqual(container.map((d) => `${d.section} ${d.key}`), containerKeys(app));
  checkImage(app, generation);
  podmanWords(app, generation.instance, execArgv(valuesOf(container, 'ExecStart')[0] ?? ''));
  const paths = [...(app.source.kind === 'rootfs' ? [{ ...app.source, use: 'rootfs' }] : []), ...app.volumes.map((v) => ({ path: v.host, root: v.root, use: v.readOnly ? 'ro' : 'rw' }))];
  assert.deepEqual(valuesOf(container, 'RequiresMountsFor').flatMap(pathWords), paths.map(({ path }) => path));
  if (paths.length > 0) {
    const mount = execArgv(valuesOf(container, 'ExecStartPre')[0] ?? '');
    assert.deepEqual(mount, ['/usr/lib/fastcontainer/libexec/fc-paths', `/run/fastcontainer/mounts/${generation.instance}`, String(app.uidBase), mount[3], ...paths.flatMap(({ use, root, path }) => [use, root, path])]);
  }
  for (const key of ['ExecStartPre', 'ExecStartPost', 'ExecStop', 'ExecStopPost']) {
    for (const value of valuesOf(container, key)) assert.match(execArgv(value.replace(/^-/, ''))[0] ?? '', /^\/usr\/lib\/fastcontainer\/libexec\/fc-[a-z]+$/);
  }
  const ready = execArgv(valuesOf(container, 'ExecStartPost')[0] ?? '');
  assert.equal(ready[ready.indexOf('--path') + 1], app.readyPath ?? ready[0]);

  const gate = directives(generation, generation.units.gate);
  assert.deepEqual(gate.map((d) => d.key), [
    'Description', 'BindsTo', 'After', 'OnFailure', 'StartLimitIntervalSec', 'Type', 'Slice', 'SyslogIdentifier', ...(app.network === 'host' ? [] : ['NetworkNamespacePath']), 'User', 'NoNewPrivileges', 'CapabilityBoundingSet', 'LimitNOFILE', 'ExecStart',
  ]);
  const door = directives(generation, generation.units.socket);
  assert.deepEqual(door.map((d) => d.key), ['Description', 'StartLimitIntervalSec', 'ListenStream', 'Slice', 'Backlog', 'RemoveOnStop', 'TriggerLimitIntervalSec', 'TriggerLimitBurst', 'WantedBy']);
  assert.deepEqual(valuesOf(door, 'ListenStream'), [`/run/fastcontainer/${app.name}-${generation.id}.sock`]);

  for (const file of generation.files) {
    const owner = file.kind === 'unit' ? parseUnitName(file.name) : parseEnvFileName(file.name);
    assert.equal(owner?.app, app.name);
    assert.equal(owner.gen, generation.id);
    // systemd reads 1 MiB of a line.
    if (file.kind === 'unit') for (const line of file.text.split('\n')) assert.ok(Buffer.byteLength(line) < 1024 * 1024);
  }
}

describe('no row', () => {
  it('adds a line, a directive or a word to a unit, nor a path outside its place', () => {
    fc.assert(fc.property(goodAppRow, (row) => {
      const app = appOf(row);
      checkGeneration(app, render(app));
      for (const path of [...app.volumes.map((v) => v.host), ...(app.source.kind === 'rootfs' ? [app.source.path] : [])]) {
        assert.match(path, /^\/(?:srv\/fc|mnt\/shared)\/./s);
        assert.ok(!path.split('/').includes('..'));
      }
    }), { numRuns: 300 });
  });

  it('stops the parser, and what it takes renders', () => {
    fc.assert(fc.property(anyRows, goodAppRow, (rows, good) => {
      const fleet = parseFleet({ ...rows, apps: [...rows.apps, good] }, POLICY);
      for (const app of fleet.apps) checkGeneration(app, render(app));
      for (const rejection of fleet.rejections) assert.doesNotMatch(`${rejection.key} ${rejection.column} ${rejection.why}`, /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u);
      // What is broken elsewhere leaves a good app alone, unless it claims its name.
      if (rows.apps.every((row) => row['name'] !== good['name'])) assert.ok(fleet.apps.some((app) => app.name === good['name']));
    }), { numRuns: 200 });
  });
});

describe('the id of a generation', () => {
  it('is the same for the same row and any order of keys', () => {
    fc.assert(fc.property(goodAppRow, (row) => {
      const reversed = Object.fromEntries(Object.entries(row).reverse());
      assert.deepEqual(render(appOf(row)), render(appOf(reversed)));
    }), { numRuns: 50 });
  });

  it('is the same for any order of environment variables', () => {
    assert.equal(render(appOf({ env: '{"A":"1","B":"2","C":"3\\n","D":"4\\n"}' })).id, render(appOf({ env: '{"D":"4\\n","B":"2","C":"3\\n","A":"1"}' })).id);
  });

  const BASE: Row = {
    name: 'shop', image: 'a', command: '["x","y"]', port: '80', env: '{"A":"1","B":"2\\n"}', volumes: '["/srv/fc/a:/a"]', memory_max: '64M', cpu_quota: '50', tasks_max: '9', idle_timeout_s: '60', lifetime_s: '600', start_timeout_s: '9', stop_timeout_s: '9', ready_path: '/',
  };
  const changes: readonly Row[] = [
    { name: 'shop2' }, { image: 'b' }, { image: null, rootfs: '/srv/fc/r' }, { command: '["x y"]' }, { command: '["x","y",""]' }, { command: null }, { port: '81' }, { env: null }, { env: '{"A":"2","B":"2\\n"}' }, { env: '{"A":"1","B":"3\\n"}' },
    { env: '{"A":"1","C":"2\\n"}' }, { volumes: null }, { volumes: '["/srv/fc/a:/a:ro"]' }, { volumes: '["/srv/fc/b:/a"]' }, { network: 'private' }, { network: 'host' }, { memory_max: null }, { memory_max: '65M' }, { cpu_quota: null }, { cpu_quota: '51' }, { tasks_max: null }, { tasks_max: '8' },
    { idle_timeout_s: null }, { idle_timeout_s: '61' }, { lifetime_s: null }, { lifetime_s: '601' }, { start_timeout_s: '8' }, { stop_timeout_s: '8' }, { ready_path: null }, { ready_path: '/x' },
  ];

  it('differs after every change of a value, and is the earlier one after changing back', () => {
    const ids = [BASE, ...changes.map((change) => ({ ...BASE, ...change }))].map((row) => render(appOf(row)).id);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(render(appOf({ ...BASE })).id, ids[0]);
  });

  it('differs between any two rows that differ in what the app is', () => {
    fc.assert(fc.property(goodAppRow, goodAppRow, fc.constantFrom('command', 'env', 'volumes', 'port'), (row, other, column) => {
      const [a, b] = [appOf(row), appOf({ ...row, [column]: other[column] ?? null })];
      const same = JSON.stringify([a, [...a.env]]) === JSON.stringify([b, [...b.env]]);
      assert.equal(render(a).id === render(b).id, same);
    }), { numRuns: 100 });
  });

  it('differs by incarnation and cgroups', () => {
    const app = appOf(BASE);
    const ids = [{}, { incarnation: 1 }, { incarnation: 2 }, { cgroups: 'split' as const }].map((o) => render(app, { ...OPTIONS, ...o }).id);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('depends on domains only where the units name them', () => {
    const [one, two] = ['a.example', 'b.example'].map((fqdn) => appOf({ ...BASE, ready_path: null }, { domains: [{ fqdn, app: 'shop' }] }));
    assert.ok(one !== undefined && two !== undefined);
    assert.notEqual(render(one).id, render(two).id);
    const without = { ...OPTIONS, domainsInDescription: false };
    assert.equal(render(one, without).id, render(two, without).id);
  });
});

it('readiness gives up before whoever waits does', () => {
  const within = (startTimeoutS: string): string | undefined => {
    const generation = render(appOf({ start_timeout_s: startTimeoutS }));
    const argv = execArgv(valuesOf(directives(generation, generation.units.container), 'ExecStartPost')[0] ?? '');
    return argv[argv.indexOf('--within') + 1];
  };
  assert.deepEqual(['1', '5', '10', '3600'].map(within), ['800', '4500', '9000', '3599000']);
});
