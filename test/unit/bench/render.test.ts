import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { readDocs, readResults, renderDocs, writeDocs, writeResult } from '../../bench/docs.ts';
import { parseResult } from '../../bench/parse.ts';
import { format } from '../../bench/render/number.ts';
import { renderPage, renderPlot } from '../../bench/render/page.ts';
import { linearScale, logScale } from '../../bench/render/scale.ts';
import type { PartResult, Plot } from '../../bench/result.ts';

const DOCS = fileURLToPath(new URL('../../../docs', import.meta.url));

const PLOTS: readonly Plot[] = [
  { kind: 'bars', name: 'peers', title: 'First byte', unit: 'ms', groups: ['fc-proxy', 'podman <run>'], series: [{ name: 'tiny', values: [60, 120], whiskers: [90, 200] }, { name: 'Node', values: [110, 180] }], whisker: 'p99' },
  { kind: 'stacked', name: 'anatomy', title: 'Where it goes', unit: 'ms', bars: ['tiny'], pieces: [{ name: 'queue', values: [0] }, { name: 'start', values: [50.25] }] },
  { kind: 'lines', name: 'load', title: 'Latency', x: { label: 'requests a second', unit: '', log: true }, y: { label: 'p99', unit: 'ms' }, series: [{ name: 'nginx', points: [[100, 0.2], [1000, 0.4]] }] },
];

const RESULT: PartResult = {
  part: 'cold', taken: '2030-01-02T03:04Z', machine: [['CPU', 'a | b'], ['Linux', '6.1']], title: 'Cold start', about: ['What was measured.'], findings: ['What it says.'],
  targets: [{ what: 'cold', measure: 'ours ÷ theirs', measured: 0.5123, unit: '', reach: { atMost: 0.75 }, stretch: { atMost: 0.5 } }],
  plots: PLOTS,
  tables: [{ title: 'Milliseconds', columns: ['subject', 'median'], rows: [['a|b', 12345.6], ['c', 0.0123]] }],
};

for (const [value, expected] of [[0, '0'], [0.012345, '0.0123'], [4.567, '4.57'], [4.5, '4.5'], [113.4, '113'], [1234.5, '1235'], [12345.6, '12\u00a0346'], [-2.5, '-2.5'], [1e-9, '0'], [999.6, '1000']] as const) {
  test(`${value} is written ${expected}`, () => { assert.equal(format(value), expected); });
}

test('an axis begins at 0 and ends at a round number that holds all', () => {
  assert.deepEqual(linearScale(113).ticks, [0, 50, 100, 150]);
  assert.equal(linearScale(150).place(150), 1);
  assert.deepEqual(linearScale(0.7).ticks, [0, 0.2, 0.4, 0.6, 0.8]);
  assert.equal(linearScale(0).place(0), 0);
  assert.deepEqual(logScale(10, 9000).ticks, [10, 100, 1000, 10000]);
  assert.equal(logScale(10, 1000).place(100), 0.5);
  assert.throws(() => logScale(0, 1), RangeError);
});

test('the page says targets first, with what was met, then each part, the machine, and how to repeat it', () => {
  const page = renderPage([RESULT]);
  assert.ok(page.includes('| cold | ours ÷ theirs | **0.512** | ≤ 0.75 | ≤ 0.5 | reached |'), page);
  assert.ok(page.includes('| a\\|b | 12\u00a0346 |\n| c | 0.0123 |'), page);
  assert.ok(page.includes('![Where it goes](performance/cold-anatomy.svg)'));
  assert.ok(page.includes('| CPU | a \\| b |'));
  const order = ['## Targets', '## Cold start', 'What was measured.', 'Milliseconds:', 'What it says.', '## Machine and versions', '## How to repeat'].map((text) => page.indexOf(text));
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
  assert.ok(!order.includes(-1));
});

for (const plot of PLOTS) {
  test(`a plot of ${plot.kind} has its title, its legend and its values, inside its sheet`, () => {
    const svg = renderPlot(plot);
    const [, width, height] = (/viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []).map(Number);
    assert.ok(svg.includes(plot.title));
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
    assert.doesNotMatch(svg, /podman <run>/, 'text is escaped');
    for (const name of plot.kind === 'stacked' ? plot.pieces.map((piece) => piece.name) : plot.series.map((one) => one.name)) assert.ok(svg.includes(`>${name}<`), name);
    for (const [, axis, value] of svg.matchAll(/ (x|x1|x2|y|y1|y2|cx|cy)="([-\d.]+)"/g)) {
      const at = Number(value);
      assert.ok(at >= 0 && at <= Number(axis?.endsWith('y') === true || axis?.startsWith('y') === true ? height : width), `${axis ?? ''} ${at}`);
    }
  });
}

test('bars are as long as their values', () => {
  const [, first, second] = [...renderPlot({ ...PLOTS[0], series: [{ name: 'one', values: [60, 120] }] } as Plot).matchAll(/<rect class="fill0"[^>]* width="([\d.]+)"/g)].flatMap(([, width], index) => (index === 0 ? [0, Number(width)] : [Number(width)]));
  assert.ok(first !== undefined && second !== undefined && Math.abs(second / first - 2) < 0.01);
});

test('a result that is none is refused, and the place is named', () => {
  const with_ = (change: object): unknown => ({ ...RESULT, ...change });
  const [first] = RESULT.targets;
  assert.deepEqual(parseResult(RESULT), RESULT);
  assert.throws(() => parseResult(with_({ targets: [{ ...first, measured: null }] })), /result\.targets\[0\]\.measured is no finite number/);
  assert.throws(() => parseResult(with_({ targets: [{ ...first, reach: { most: 1 } }] })), /result\.targets\[0\]\.reach/);
  assert.throws(() => parseResult(with_({ part: '../x' })), /result\.part/);
  assert.throws(() => parseResult(with_({ plots: [{ ...PLOTS[0], name: '../x' }] })), /result\.plots\[0\]\.name/);
  assert.throws(() => parseResult(with_({ plots: [{ ...PLOTS[1], bars: ['one', 'two'] }] })), /queue is a list of 1, not 2/);
  assert.throws(() => parseResult(with_({ tables: [{ title: '', columns: ['a'], rows: [['b', 1]] }] })), /rows\[0\] is a list of 2, not 1/);
  assert.throws(() => parseResult(with_({ surplus: 1 })), /surplus is not known/);
});

test('what is written is read again, and plots that are no more go', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fc-bench-'));
  t.after(() => { rmSync(folder, { recursive: true }); });
  writeResult(folder, RESULT);
  writeDocs(folder);
  assert.deepEqual(readdirSync(`${folder}/performance`).sort(), ['cold-anatomy.svg', 'cold-load.svg', 'cold-peers.svg', 'cold.json']);
  assert.deepEqual(readResults(folder), [{ ...RESULT, tables: [{ ...RESULT.tables[0], rows: [['a|b', 12346], ['c', 0.0123]] }] }]);
  writeResult(folder, { ...RESULT, plots: [] });
  writeDocs(folder);
  assert.deepEqual(readdirSync(folder + '/performance'), ['cold.json']);
});

test('docs/performance.md and its plots are what the figures in docs/performance say: UPDATE_DOCS=1 writes them', { skip: !existsSync(`${DOCS}/performance`) }, () => {
  if (process.env['UPDATE_DOCS'] === '1') writeDocs(DOCS);
  assert.deepEqual(readDocs(DOCS), renderDocs(readResults(DOCS)));
});
