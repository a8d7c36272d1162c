import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventLog } from '../../../src/admin/events.ts';
import { Ledger } from '../../../src/admin/ledger.ts';
import { StartTally } from '../../../src/admin/metrics/gather.ts';
import { KeptCounts } from '../../../src/admin/metrics/kept-counts.ts';
import { START_S } from '../../../src/admin/metrics/table.ts';
import { distribution } from '../../support/figures.ts';

describe('counts of requests', () => {
  test('are told as they are on the disk, and not before', () => {
    const ledger = new Ledger(new EventLog(), () => undefined);
    ledger.of('shop').counts[2] = 1;
    const counts = new KeptCounts(ledger);
    const told = (): number | undefined => counts.kept.apps.get('shop')?.[2];
    assert.equal(told(), 1);
    ledger.of('shop').counts[2] = 2;
    counts.writing();
    ledger.of('shop').counts[2] = 3;
    assert.equal(told(), 1);
    counts.written();
    assert.equal(told(), 2);
  });
});

describe('the time of cold starts', () => {
  test('is told by part, as far as it is known', () => {
    const starts = new StartTally();
    const common = { app: 'shop', generation: '0123abcd', at: 0, request: null };
    starts.heard({ id: 1, kind: 'woke', ...common, times: { queue: 100, start: 400, systemd: 10, podman: 300 } });
    starts.heard({ id: 2, kind: 'slept', at: 0, app: 'shop', generation: '0123abcd', awakeMs: 1000 });
    assert.deepEqual(starts.parts.get('total'), distribution(START_S, 0.5));
    assert.deepEqual(starts.parts.get('queue'), distribution(START_S, 0.1));
    assert.deepEqual(starts.parts.get('systemd'), distribution(START_S, 0.01));
    assert.deepEqual(starts.parts.get('network'), distribution(START_S));
  });
});
