/** What fc-status prints, whole: test/golden/status/*.txt. UPDATE_GOLDEN=1 writes them anew; read the difference. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { APP_STATES, type FleetStatus, type HostStatus } from '../../../src/admin/state.ts';
import { coloured, plain } from '../../../src/cli/paint.ts';
import { widthOf } from '../../../src/cli/width.ts';
import { statusLines, type Frame, type Told } from '../../../src/status/render.ts';
import { PLACED, SORT_KEYS, type Wish } from '../../../src/status/rows.ts';
import { anyText } from '../../support/hostile.ts';
import { aHost, anApp, aStatus, NOW } from './support.ts';

const GOLDEN = fileURLToPath(new URL('../../golden/status/', import.meta.url));
const WISH: Wish = { words: [], states: null, sort: 'state', reverse: false };
const TERMINAL: Frame = { width: 80, height: Infinity, paint: plain, legend: true };
const PIPE: Frame = { ...TERMINAL, width: Infinity };

function golden(name: string, lines: readonly string[]): void {
  const path = `${GOLDEN}${name}.txt`;
  const text = `${lines.join('\n')}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(GOLDEN, { recursive: true });
    writeFileSync(path, text);
  }
  assert.equal(text, readFileSync(path, 'utf8'));
}

const host = (status: HostStatus): Told => ({ kind: 'host', status });
const render = (status: HostStatus, wish: Partial<Wish> = {}, frame: Partial<Frame> = {}): readonly string[] => statusLines(host(status), { ...WISH, ...wish }, { ...TERMINAL, ...frame });

const FLEET: FleetStatus = {
  format: 1, at: NOW, hosts: [
    { name: 'web1', state: 'active', status: aStatus() },
    { name: 'web2', state: 'draining', status: aHost('web2', [anApp('shop', { state: 'awake', requestsPerS: 1, memoryBytes: 1e8 }), anApp('far', { state: 'elsewhere' })], {}, { error: 'cannot connect to 192.0.2.1 port 3306: connect ETIMEDOUT', syncedAt: NOW - 500_000 }) },
    { name: 'web3', state: 'active', status: null, why: 'cannot connect to web3 at 192.0.2.3 port 8079: connect ECONNREFUSED 192.0.2.3:8079' },
  ],
};

describe('looks like this', () => {
  test('a terminal of 80 columns', () => { golden('host-80', render(aStatus())); });
  test('a terminal of 200 columns', () => { golden('host-200', render(aStatus(), {}, { width: 200 })); });
  test('a pipe', () => { golden('host-pipe', render(aStatus(), { states: PLACED }, PIPE)); });
  test('colours', () => { golden('host-colours', render(aStatus(), {}, { paint: coloured, width: 120 })); });
  test('the fleet', () => { golden('fleet-100', statusLines({ kind: 'fleet', fleet: FLEET }, WISH, { ...TERMINAL, width: 100 })); });
  test('a host in trouble', () => {
    golden('trouble-80', render(aHost('web1', [anApp('shop')], { proxy: { processes: 0, connections: 0, inFlight: 0, requestsPerS: 0, startsWaiting: 0, startsRunning: 0 } }, {
      error: 'cannot connect to db1 port 3306: connect ECONNREFUSED 192.0.2.9:3306', syncedAt: NOW - 7_200_000, failed: [{ subject: 'fc-app-shop-1a2b3c4d.socket', what: 'start', why: 'the job failed' }],
    })));
  });
  test('a fresh host', () => { golden('fresh-80', render(aHost('web1', [], { sync: null }))); });
  test('two apps that were asked for, and one that there is not', () => { golden('words-80', render(aStatus(), { words: ['broken', 'sleepy', 'shpo'] })); });
  test('a window of few lines', () => { golden('window-80x16', render(aStatus(), {}, { height: 16 })); });
});

const fits = (lines: readonly string[], width: number): void => {
  for (const line of lines) assert.ok(widthOf(line.replaceAll(/\x1b\[[0-9]+m/g, '')) <= width, JSON.stringify(line));
};

test('no line is wider than the terminal, from 40 columns on, nor are there more than it has', () => {
  for (const told of [host(aStatus()), { kind: 'fleet', fleet: FLEET } as const]) {
    for (let width = 40; width < 220; width += 3) {
      for (const height of [1, 2, 5, 10, 24, 60]) {
        const lines = statusLines(told, WISH, { width, height, paint: coloured, legend: true });
        fits(lines, width);
        assert.ok(lines.length <= height, `${lines.length} lines of ${height}`);
      }
    }
  }
});

test('what others say moves no cursor, and hides nothing', () => {
  const hostile = fc.record({ name: anyText, domain: anyText, why: anyText, host: anyText, generation: anyText, error: anyText, revision: anyText, key: anyText });
  fc.assert(fc.property(hostile, fc.constantFrom(80, 200, Infinity), ({ name, domain, why, host: called, generation, error, revision, key }, width) => {
    const status = aHost(called, [
      anApp(name, { domains: [domain, domain], state: 'quarantined', why, generation }),
      anApp(`${name}2`, { state: 'rejected', why }),
    ], {}, { error, revision, rejections: [{ table: 'apps', key, column: key, why, app: null }], failed: [{ subject: key, what: why, why }] });
    const told: Told[] = [host(status), { kind: 'fleet', fleet: { format: 1, at: NOW, hosts: [{ name: called, state: 'active', status }, { name, state: 'down', status: null, why }] } }];
    for (const one of told) {
      const lines = statusLines(one, { ...WISH, words: [] }, { ...TERMINAL, width });
      for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      if (width !== Infinity) fits(lines, width);
    }
  }), { numRuns: 300 });
});

describe('in a pipe', () => {
  test('every row has every column, and each column is one word', () => {
    const told: Told[] = [host(aStatus()), { kind: 'fleet', fleet: FLEET }];
    for (const one of told) {
      const rows = statusLines(one, { ...WISH, states: new Set(APP_STATES) }, { ...PIPE, legend: false });
      assert.ok(rows.length >= 10);
      for (const row of rows) assert.equal(row.trim().split(/\s+/).length, 12, row);
    }
  });

  test('a name, a generation or a host with spaces in it is one word, too', () => {
    const [row = ''] = render(aHost('a host', [anApp('an app', { domains: ['a domain'], generation: '', state: 'awake' })]), {}, { ...PIPE, legend: false });
    assert.deepEqual(row.split(/\s+/).slice(0, 2), ['an_app', 'a_domain']);
    assert.equal(row.split(/\s+/).length, 12);
  });
});

describe('ten thousand apps', () => {
  const many = aHost('web1', Array.from({ length: 10_000 }, (_, at) => anApp(`app-${at}`, { state: at < 20 ? 'awake' : at < 60 ? 'quarantined' : 'asleep', why: at < 60 ? 'it exited with status 1' : null })));

  test('those that sleep are counted', () => {
    const lines = render(many);
    assert.ok(lines.length < 90, `${lines.length} lines`);
    assert.ok(lines.includes('9940 asleep: --all shows them'), lines.join('\n'));
    assert.ok(lines.includes('  and 30 more: --json has all of them'));
  });

  test('all of them can be had, in any order, and in a window', () => {
    assert.equal(render(many, { states: PLACED }, { legend: false }).length, 10_000);
    for (const sort of SORT_KEYS) assert.equal(render(many, { states: PLACED, sort }, { height: 40 }).length, 40);
    assert.match(render(many, { states: PLACED }, { height: 40 }).join('\n'), /… and 99\d\d more/);
  });
});
