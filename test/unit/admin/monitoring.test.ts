/** The dashboard and the alerts ask for what /metrics serves. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'node:test';
import { METRICS } from '../../../src/admin/metrics/table.ts';

const folder = fileURLToPath(new URL('../../../monitoring/', import.meta.url));
const alerts = readFileSync(`${folder}alerts.yml`, 'utf8');
const rulesTest = readFileSync(`${folder}alerts.test.yml`, 'utf8');

/** Every value of these keys, however deep. */
function valuesOf(value: unknown, keys: readonly string[]): string[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => valuesOf(item, keys));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) => (keys.includes(key) && typeof item === 'string' ? [item] : valuesOf(item, keys)));
}

const dashboard: unknown = JSON.parse(readFileSync(`${folder}grafana.json`, 'utf8'));
const asked = valuesOf(dashboard, ['expr', 'query', 'definition']).filter((text) => text.includes('fastcontainer_'));
/** Their expressions: one line, or a block that is indented further. */
const expressions = [...alerts.matchAll(/^ {8}expr: (?:\|-\n((?: {10}.*\n)+)|(.*)\n)/gm)].map(([, block, line]) => block ?? line ?? '');

/** What a series of this name may be asked for. */
function labelsOf(series: string): readonly string[] | null {
  for (const { name, type, labels } of METRICS) {
    if (type !== 'histogram' && series === name) return Object.keys(labels);
    if (type === 'histogram' && [`${name}_sum`, `${name}_count`].includes(series)) return Object.keys(labels);
    if (type === 'histogram' && series === `${name}_bucket`) return [...Object.keys(labels), 'le'];
  }
  return null;
}

/** What Prometheus adds. */
const ADDED = ['instance', 'job'];

function check(expression: string): void {
  const series = [...expression.matchAll(/\b(fastcontainer_[a-z_]+)(?:\{([^}]*)\})?/g)];
  for (const [, name = '', matchers = ''] of series) {
    const labels = labelsOf(name);
    assert.ok(labels !== null, `${name} is no metric, in ${expression}`);
    for (const [, label = ''] of matchers.matchAll(/([a-z]+)\s*[=!]~?/g)) assert.ok([...labels, ...ADDED].includes(label), `${name} has no label ${label}, in ${expression}`);
  }
  const all = [...series.flatMap(([, name = '']) => labelsOf(name) ?? []), ...ADDED];
  for (const [, by = ''] of expression.matchAll(/\b(?:by|ignoring|on) \(([a-z, ]*)\)/g)) {
    for (const label of by.split(',').map((text) => text.trim()).filter((text) => text !== '')) assert.ok(all.includes(label), `nothing has a label ${label}, in ${expression}`);
  }
}

describe('the dashboard', () => {
  test('asks for metrics and labels that there are', () => {
    assert.ok(asked.length > 30);
    asked.forEach(check);
  });

  test('shows each metric but those of fc-admin itself', () => {
    const text = asked.join('\n');
    const unused = METRICS.map(({ name }) => name).filter((name) => name.startsWith('fastcontainer_') && !new RegExp(`\\b${name}(_bucket|_sum|_count)?\\b`).test(text));
    assert.deepEqual(unused, ['fastcontainer_quarantined', 'fastcontainer_sync_up', 'fastcontainer_sync_last_try_timestamp_seconds']);
  });

  test('names each panel once, and says what it shows', () => {
    const titles = valuesOf(dashboard, ['title']);
    assert.equal(new Set(titles).size, titles.length);
  });
});

describe('an alert', () => {
  const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);

  test('asks for metrics and labels that there are', () => {
    assert.equal(expressions.length, names.length);
    expressions.forEach(check);
  });

  test('says what is wrong, what that means and what to do', () => {
    for (const part of alerts.split('- alert: ').slice(1)) {
      assert.match(part, /\n {10}summary: '.+'\n {10}description: '.+'\n {10}remedy: '.+'\n/, part);
      assert.match(part, /\n {8}labels: \{severity: (warning|critical)\}\n/, part);
    }
  });

  test('is tried', () => {
    assert.deepEqual(names.filter((name) => !rulesTest.includes(name)), []);
  });

  test('a name or a label that does not exist is found', () => {
    assert.throws(() => { check('rate(fastcontainer_request_total[5m])'); }, /is no metric/);
    assert.throws(() => { check('fastcontainer_apps{app="x"}'); }, /no label app/);
    assert.throws(() => { check('sum by (app) (fastcontainer_apps)'); }, /nothing has a label app/);
  });
});
