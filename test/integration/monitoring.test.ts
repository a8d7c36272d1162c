/** What Prometheus itself makes of our metrics, alerts and dashboard: promtool, of Debian's package prometheus. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { Metrics } from '../../src/admin/metrics/registry.ts';
import { someFigures } from '../support/figures.ts';
import { run } from '../support/run.ts';

const MONITORING = fileURLToPath(new URL('../../monitoring/', import.meta.url));

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fc-monitoring-'));
});

after(async () => {
  await rm(folder, { recursive: true });
});

async function promtool(args: readonly string[], input = ''): Promise<{ readonly code: number | null; readonly said: string }> {
  const { code, stdout, stderr } = await run('promtool', args, { input });
  return { code, said: (stdout + stderr).trim() };
}

describe('Prometheus', () => {
  test('finds nothing to blame in /metrics', async () => {
    const { body } = await new Metrics(someFigures).answer('');
    assert.deepEqual(await promtool(['check', 'metrics'], body), { code: 0, said: '' });
    assert.notEqual((await promtool(['check', 'metrics'], body.replaceAll('fastcontainer_requests_total', 'fastcontainer_requests'))).code, 0);
  });

  test('takes the alerts', async () => {
    const { code, said } = await promtool(['check', 'rules', `${MONITORING}alerts.yml`]);
    assert.equal(code, 0, said);
  });

  test('fires each alert when it should, and none when all is well', async () => {
    const { code, said } = await promtool(['test', 'rules', `${MONITORING}alerts.test.yml`]);
    assert.equal(code, 0, said);
  });

  test('would miss an alert that has another threshold', async () => {
    const alerts = await readFile(`${MONITORING}alerts.yml`, 'utf8');
    await writeFile(join(folder, 'alerts.yml'), alerts.replace('fastcontainer_quarantined == 1', 'fastcontainer_quarantined == 2'));
    await writeFile(join(folder, 'alerts.test.yml'), await readFile(`${MONITORING}alerts.test.yml`));
    const { code, said } = await promtool(['test', 'rules', join(folder, 'alerts.test.yml')]);
    assert.equal(code, 1, said);
    assert.match(said, /FastContainerAppQuarantined/);
  });

  test('understands all that the dashboard asks for', async () => {
    const expressions: string[] = [];
    JSON.parse(await readFile(`${MONITORING}grafana.json`, 'utf8'), (key, value: unknown) => {
      if (key === 'expr' && typeof value === 'string') expressions.push(value);
      return value;
    });
    assert.ok(expressions.length > 30);
    // Grafana puts in its variables, and then it is such an expression.
    const rules = expressions.map((text, at) => ({ record: `dashboard:${at}`, expr: text.replaceAll('$__rate_interval', '1m').replaceAll('$__range', '6h') }));
    // JSON is YAML.
    await writeFile(join(folder, 'dashboard.yml'), JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    const { code, said } = await promtool(['check', 'rules', join(folder, 'dashboard.yml')]);
    assert.equal(code, 0, said);
    assert.match(said, new RegExp(`${expressions.length} rules found`));
  });
});
