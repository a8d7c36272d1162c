import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { coarser, together } from '../../../src/admin/metrics/figures.ts';
import { Metrics, wantsOpenMetrics } from '../../../src/admin/metrics/registry.ts';
import { APP_LATENCY_S, LATENCY_S, METRICS } from '../../../src/admin/metrics/table.ts';
import { distribution, someFigures } from '../../support/figures.ts';

/** Samples by what stands before their value. */
function samples(text: string): ReadonlyMap<string, string> {
  return new Map(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const at = line.lastIndexOf(' ');
    return [line.slice(0, at), line.slice(at + 1)];
  }));
}

describe('/metrics', () => {
  test('says what is counted', async () => {
    const { type, body } = await new Metrics(someFigures).answer('*/*');
    assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
    const found = samples(body);
    for (const [sample, value] of Object.entries({
      'fastcontainer_requests_total{app="shop",code="2xx"}': '40',
      'fastcontainer_requests_total{app="shop",code="none"}': '1',
      'fastcontainer_requests_in_flight{app="shop"}': '2',
      'fastcontainer_request_duration_seconds_bucket{le="0.0025"}': '1',
      'fastcontainer_request_duration_seconds_bucket{le="+Inf"}': '6',
      'fastcontainer_app_request_duration_seconds_bucket{app="shop",le="0.01"}': '1',
      'fastcontainer_app_request_duration_seconds_bucket{app="shop",le="10"}': '4',
      'fastcontainer_app_request_duration_seconds_bucket{app="shop",le="+Inf"}': '6',
      'fastcontainer_app_request_duration_seconds_count{app="shop"}': '6',
      'fastcontainer_forwarded_requests_total{code="2xx"}': '7',
      'fastcontainer_unrouted_requests_total{code="4xx"}': '9',
      'fastcontainer_cold_starts_total{app="shop",result="failure"}': '1',
      'fastcontainer_cold_start_duration_seconds_bucket{part="queue",le="0.25"}': '1',
      'fastcontainer_cold_start_duration_seconds_sum{part="total"}': '0.12',
      'fastcontainer_apps{state="handing-over"}': '0',
      'fastcontainer_apps{state="asleep"}': '5',
      'fastcontainer_quarantined{app="shop"}': '1',
      'fastcontainer_sync_up': '1',
      'fastcontainer_sync_last_success_timestamp_seconds': '1700000000.5',
      'fastcontainer_sync_rejected_rows{table="apps"}': '1',
      'fastcontainer_sync_rejected_rows{table="domains"}': '0',
      'fastcontainer_hand_overs_total{result="success"}': '4',
      'fastcontainer_awake_seconds_total{app="shop"}': '1.5',
      'fastcontainer_memory_byte_seconds_total{app="shop"}': '2147483648',
      'fastcontainer_cpu_seconds_total{app="shop"}': '0.25',
      'fastcontainer_memory_bytes{app="shop"}': '1048576',
      [`fastcontainer_build_info{version="1.2.3",nodejs="${process.version}"}`]: '1',
    })) assert.equal(found.get(sample), value, sample);
    assert.deepEqual([...found.keys()].filter((sample) => sample.includes('"idle"')), [], 'an app that nobody has asked for costs no series');
  });

  test('has each metric of the table, with its labels and no others', async () => {
    const { body } = await new Metrics(someFigures).answer('');
    for (const { name, type, labels, help } of METRICS) {
      assert.ok(body.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
      const own = [...samples(body).keys()].filter((sample) => new RegExp(`^${name}(_bucket|_sum|_count)?(\\{|$)`).test(sample));
      assert.ok(own.length > 0, name);
      for (const sample of own) {
        const names = [...sample.matchAll(/([a-z]+)="/g)].map(([, label]) => label).filter((label) => label !== 'le');
        assert.deepEqual(names.sort(), Object.keys(labels).sort(), sample);
      }
    }
  });

  test('is OpenMetrics for who takes it', async () => {
    const metrics = new Metrics(someFigures);
    const { type, body } = await metrics.answer('application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1');
    assert.equal(type, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    assert.match(body, /# TYPE fastcontainer_requests counter\nfastcontainer_requests_total\{app="shop",code="none"\} 1\n/);
    assert.match(body, /\n# EOF\n$/);
    assert.match((await metrics.answer('text/plain')).body, /# TYPE fastcontainer_requests_total counter\n/);
    assert.equal(wantsOpenMetrics('text/html, application/openmetrics-text;q=0'), false);
    assert.equal(wantsOpenMetrics('text/plain;x="application/openmetrics-text"'), false);
    assert.equal(wantsOpenMetrics('Application/OpenMetrics-Text ; version=1.0.0'), true);
  });

  test('says of fc-sync that it is down when it has said nothing, and no time that it does not know', async () => {
    const found = samples((await new Metrics(() => ({ ...someFigures(), sync: null })).answer('')).body);
    assert.equal(found.get('fastcontainer_sync_up'), '0');
    assert.deepEqual([...found.keys()].filter((name) => name.startsWith('fastcontainer_sync_l') || name.includes('rejected_rows')), []);
  });

  test('a histogram with fewer buckets has the same values', () => {
    const fine = distribution(LATENCY_S, 0.0005, 0.01, 0.011, 0.1, 3, 10, 11, 31);
    assert.deepEqual(coarser(fine, APP_LATENCY_S), distribution(APP_LATENCY_S, 0.0005, 0.01, 0.011, 0.1, 3, 10, 11, 31));
    assert.ok(APP_LATENCY_S.every((bound) => LATENCY_S.includes(bound)));
    assert.deepEqual(together([fine, fine], LATENCY_S).counts, fine.counts.map((count) => 2 * count));
  });
});
