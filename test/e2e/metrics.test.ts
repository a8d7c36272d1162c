/** What /metrics says of apps, above all what a bill may rest on, held against what systemd says. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';

type Samples = ReadonlyMap<string, number>;

let host: TestHost;
/** The container of each app. */
const units = new Map<string, string>();

before(async () => {
  host = await bootHost('metrics');
  for (const app of ['shop', 'my-mail', 'crashes', 'long']) await host.addApp(app, { idle_timeout_s: app === 'long' ? 3600 : 1, socket: 1 });
  await host.ok('fc-sync');
  const files = await host.ok('ls /etc/systemd/system');
  for (const [unit, app = ''] of files.matchAll(/^fc-ctr-([a-z_]+)-[0-9a-f]{8}\.service$/gm)) units.set(app.replaceAll('_', '-'), unit);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

async function metrics(): Promise<Samples> {
  const text = await host.ok('curl -sf http://127.0.0.1:8078/metrics');
  return new Map(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const at = line.lastIndexOf(' ');
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

async function value(sample: string): Promise<number> {
  return (await metrics()).get(sample) ?? 0;
}

const awake = (app: string): string => `fastcontainer_awake_seconds_total{app="${app}"}`;

/** Waits until fc-admin has kept it. */
async function says(sample: string, is: (value: number) => boolean): Promise<number> {
  let last = NaN;
  await host.until(async () => {
    last = await value(sample);
    return is(last) || `it says ${last}`;
  }, { timeoutMs: 30_000, what: sample });
  return last;
}

interface Run {
  readonly awakeS: number;
  readonly cpuS: number;
}

/** What systemd says of the last run of an app's only generation, once it has ended. */
async function lastRun(app: string): Promise<Run> {
  let shown = new Map<string, number>();
  await host.until(async () => {
    const text = await host.ok(`systemctl show --property=ActiveState,ActiveEnterTimestampMonotonic,InactiveEnterTimestampMonotonic,CPUUsageNSec ${units.get(app)}`);
    shown = new Map(text.trim().split('\n').map((line) => [line.split('=')[0] ?? '', Number(line.split('=')[1])]));
    return /ActiveState=(inactive|failed)/.test(text) || text.trim().replaceAll('\n', ' ');
  }, { timeoutMs: 20_000, what: `${app} is asleep` });
  const of = (name: string): number => shown.get(name) ?? NaN;
  return { awakeS: (of('InactiveEnterTimestampMonotonic') - of('ActiveEnterTimestampMonotonic')) / 1e6, cpuS: of('CPUUsageNSec') / 1e9 };
}

async function visit(app: string, path = '/'): Promise<void> {
  assert.equal((await host.request(`${app}.test`, path)).status, 200);
}

/** To the microsecond but for the sum's last digits. */
function same(found: number, wanted: number, within = 1e-5): void {
  assert.ok(Math.abs(found - wanted) <= within, `${found} is not ${wanted}`);
}

describe('time awake is what systemd says', () => {
  test('of an app that was woken by a request, served, and fell asleep', { timeout: 60_000 }, async () => {
    await visit('shop');
    await visit('shop');
    await host.until(async () => await value('fastcontainer_memory_bytes{app="shop"}') > 0 || 'nothing', { timeoutMs: 10_000, what: 'its memory' });
    const bytes = await value('fastcontainer_memory_bytes{app="shop"}');
    const { awakeS, cpuS } = await lastRun('shop');
    assert.ok(awakeS > 1);
    same(await says(awake('shop'), (seconds) => seconds > 0 && Math.abs(seconds - awakeS) < 1e-5), awakeS);
    assert.equal(await says('fastcontainer_requests_total{app="shop",code="2xx"}', (count) => count === 2), 2);
    assert.equal(await value('fastcontainer_cold_starts_total{app="shop",result="success"}'), 1);
    const cpu = await says('fastcontainer_cpu_seconds_total{app="shop"}', (seconds) => seconds > cpuS / 2);
    assert.ok(cpu <= cpuS, `${cpu} s of CPU time, and systemd has ${cpuS}`);
    const mean = await value('fastcontainer_memory_byte_seconds_total{app="shop"}') / awakeS;
    assert.ok(mean > bytes / 2 && mean < bytes * 1.5, `on average ${mean} bytes, and ${bytes} when looked at`);
    assert.ok(bytes > 10e6, `a process of Node in ${bytes} bytes`);
  });

  test('of an app that only programs on the host talk to, and one that crashes', { timeout: 60_000 }, async () => {
    await host.ok('curl -sf --max-time 20 --unix-socket /run/fastcontainer/my-mail.sock http://my-mail.test/');
    await visit('crashes');
    await host.ok(`systemctl kill --signal=KILL ${units.get('crashes')}`);
    for (const app of ['my-mail', 'crashes']) {
      const { awakeS } = await lastRun(app);
      same(await says(awake(app), (seconds) => Math.abs(seconds - awakeS) < 1e-5), awakeS);
    }
    assert.equal(await value('fastcontainer_requests_total{app="my-mail",code="2xx"}'), 0);
    assert.equal(await says('fastcontainer_cold_starts_total{app="my-mail",result="success"}', (count) => count === 1), 1);
  });

  test('of runs that began and ended while fc-admin was down, and of one that it was killed and restarted under', { timeout: 90_000 }, async () => {
    await visit('long');
    const before = await metrics();
    await host.ok('systemctl kill --signal=KILL fc-admin.service');
    await host.ok('systemctl stop fc-admin.socket fc-admin-report.socket fc-admin.service');
    const runs: Run[] = [];
    for (let run = 0; run < 2; run++) {
      await visit('shop');
      runs.push(await lastRun('shop'));
    }
    await host.ok('systemctl start fc-admin.socket fc-admin-report.socket fc-admin.service');
    const wanted = (before.get(awake('shop')) ?? 0) + runs.reduce((sum, { awakeS }) => sum + awakeS, 0);
    // Their ends are those of fc-clean.
    const found = await says(awake('shop'), (seconds) => seconds > wanted - 0.1);
    same(found, wanted, 0.1);
    await says('fastcontainer_requests_total{app="shop",code="2xx"}', (count) => count === 4);
    await says(awake('long'), (seconds) => seconds > 0);
    await host.ok(`systemctl stop ${units.get('long')}`);
    const { awakeS } = await lastRun('long');
    same(await says(awake('long'), (seconds) => Math.abs(seconds - awakeS) < 1e-5), awakeS);
    await onlyRose(before);
  });
});

/** No counter is lower than before. */
async function onlyRose(before: Samples): Promise<void> {
  const now = await metrics();
  const fell = [...before].filter(([sample, count]) => /^fastcontainer_(?!cold_start_duration|sync)\w+_total\{/.test(sample) && (now.get(sample) ?? -1) < count);
  assert.deepEqual(fell, []);
}

test('Prometheus reads it', { timeout: 60_000 }, async () => {
  const found = await host.ok(`
    curl -sf http://127.0.0.1:8078/metrics | promtool check metrics
    mkdir -p /tmp/prometheus && cd /tmp/prometheus
    printf 'scrape_configs: [{job_name: fastcontainer, scrape_interval: 1s, static_configs: [{targets: ["127.0.0.1:8078"]}]}]\\n' > prometheus.yml
    systemd-run --quiet --unit=prometheus-of-test prometheus --config.file=/tmp/prometheus/prometheus.yml --storage.tsdb.path=/tmp/prometheus/data --web.listen-address=127.0.0.1:9999
    for i in $(seq 200); do
      answer=$(curl -s --data-urlencode 'query=fastcontainer_awake_seconds_total{app="shop"}' http://127.0.0.1:9999/api/v1/query || true)
      [[ $answer != *instance* ]] || break
      sleep 0.1
    done
    systemctl stop prometheus-of-test
    echo "$answer"`);
  const [, seconds] = /"metric":\{[^}]*"app":"shop"[^}]*"job":"fastcontainer"\},"value":\[[0-9.]+,"([0-9.]+)"\]/.exec(found) ?? [];
  assert.equal(Number(seconds), await value(awake('shop')), found);
});

test('counters go on after a reboot, and what ran until then has been counted to its end', { timeout: 90_000 }, async () => {
  await visit('long');
  const began = Number(await host.ok(`systemctl show --property=ActiveEnterTimestampMonotonic --value ${units.get('long')}`));
  await host.until(async () => await value('fastcontainer_memory_bytes{app="long"}') > 0 || 'nothing', { timeoutMs: 10_000, what: 'it is seen' });
  const before = await metrics();
  const uptime = Number((await host.ok('cat /proc/uptime')).split(' ')[0]);
  await host.reboot();
  await says(awake('long'), (seconds) => seconds >= (before.get(awake('long')) ?? 0));
  const [run] = (await host.ok('cat /var/lib/fastcontainer/runs/*')).trim().split('\n').reverse().filter((line) => line.includes(` long-`)).map((line) => line.split(' '));
  assert.equal(Number(run?.[3]), began, 'its record is there');
  const end = (Number(run?.[4]) + Number(run?.[6])) / 1e6;
  assert.ok(end > uptime - 1, `it ended at ${end}, and ran at ${uptime}`);
  const former = before.get(awake('long')) ?? 0;
  const total = await says(awake('long'), (seconds) => seconds > former);
  assert.ok(total > end - began / 1e6 - 0.01, `${total} s, of which the last run had ${end - began / 1e6}`);
  await onlyRose(before);
  await visit('shop');
  await says(awake('shop'), (seconds) => seconds > (before.get(awake('shop')) ?? 0));
});

test('nothing of it worries anybody', { timeout: 30_000 }, async () => {
  await host.assertQuiet([/^fc-ctr-crashes/, /^fc-admin\.service: fc-admin\.service: (Main process exited, code=killed, status=9\/KILL|Failed with result 'signal'\.)$/]);
});
