import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plain } from '../../../src/cli/paint.ts';
import { UsageError } from '../../../src/cli/spec.ts';
import { parseLines } from '../../../src/why/look-journal.ts';
import { distance, nearest } from '../../../src/why/nearest.ts';
import { answerLines } from '../../../src/why/print.ts';
import { parseAsked, questionOf } from '../../../src/why/question.ts';
import { say } from '../../../src/why/say.ts';
import { ago, ahead, clock, counted, duration, listed } from '../../../src/why/words.ts';
import { NOW } from './facts.ts';

describe('durations', () => {
  const cases: [ms: number, text: string][] = [
    [0, '0 ms'], [126.4, '126 ms'], [996, '1.0 seconds'], [1_600, '1.6 seconds'], [2_000, '2 seconds'], [89_000, '89 seconds'], [90_000, '2 minutes'], [3_600_000, '60 minutes'],
    [5_400_000, '2 hours'], [86_400_000, '24 hours'], [3 * 86_400_000, '3 days'], [-5, '0 ms'],
  ];
  for (const [ms, text] of cases) test(text, () => assert.equal(duration(ms), text));
});

test('times say the day once it is another', () => {
  assert.equal(clock(NOW - 3_600_000, NOW), '13:05:00');
  assert.equal(clock(NOW - 86_400_000, NOW), 'Wed 25 Nov 14:05');
  assert.equal(clock(new Date(2025, 0, 2, 3, 4).getTime(), NOW), 'Thu 2 Jan 2025 03:04');
  assert.equal(ago(NOW - 300, NOW), 'just now (14:04:59)');
  assert.equal(ago(NOW + 10_000, NOW), 'just now (14:05:10)');
  assert.equal(ahead(NOW + 500, NOW), 'any moment (14:05:00)');
});

test('counts and lists', () => {
  assert.deepEqual([counted(1, 'host'), counted(2, 'host'), listed([]), listed(['a']), listed(['a', 'b']), listed(['a', 'b', 'c'])], ['1 host', '2 hosts', '', 'a', 'a and b', 'a, b and c']);
  assert.equal(listed(['a', 'b', 'c', 'd'], 2), 'a, b and 2 more');
});

describe('names that somebody may have meant', () => {
  test('are told by how many slips they are away', () => {
    assert.deepEqual([distance('shop', 'shop', 2), distance('shop', 'shp', 2), distance('shop', 'hsop', 2), distance('shop', 'stop', 2), distance('shop', 'blog', 2), distance('a', 'abcdef', 2)], [0, 1, 1, 1, 3, 3]);
  });
  test('the nearest first, and no more than a few', () => {
    assert.deepEqual(nearest('shop.exmaple', ['blog.example', 'shop.example', 'stop.example', 'www.shop.exmaple']), ['shop.example', 'stop.example', 'www.shop.exmaple']);
    assert.deepEqual(nearest('shop', ['shop-eu', 'ship', 'forum']), ['ship', 'shop-eu']);
    assert.equal(nearest('shop1', Array.from({ length: 50 }, (_, n) => `shop${n + 2}`)).length, 4);
  });
  test('none where nothing is like it', () => { assert.deepEqual(nearest('shop', ['forum', 'x']), []); });
  test('ten thousand are no matter', () => { assert.equal(nearest('app-7777x', Array.from({ length: 10_000 }, (_, n) => `app-${n}`))[0], 'app-7777'); });
});

describe('what was asked', () => {
  const cases: [text: string, app: string | null, host: string | null][] = [
    ['shop', 'shop', 'shop'], ['shop.example', null, 'shop.example'], ['Shop.Example.', null, 'shop.example'], ['shop.example:8080', null, 'shop.example'], ['shop.example/basket?x', null, 'shop.example'],
    ['https://shop.example/basket', null, 'shop.example'], ['HTTP://user:pw@SHOP.example:80', null, 'shop.example'], ['wss://shop/live', null, 'shop'], ['192.0.2.1', null, '192.0.2.1'], ['[::1]:80', null, '::1'],
  ];
  for (const [text, app, host] of cases) test(text, () => assert.deepEqual(parseAsked(text), { app, host }));
  for (const text of ['', 'a b', 'ftp://x/', 'https://', '../etc', '*', 'shop;rm', '\x1b[31m', '-'.repeat(300)]) test(`${JSON.stringify(text).slice(0, 20)} is refused`, () => assert.throws(() => parseAsked(text), UsageError));

  test('is an app or a host name, as there is one', () => {
    const [yes, no] = [() => true, () => false];
    assert.equal(questionOf({ app: 'shop', host: 'shop' }, yes, yes).kind, 'app');
    assert.equal(questionOf({ app: 'shop', host: 'shop' }, no, yes).kind, 'host');
    assert.equal(questionOf({ app: 'shop', host: 'shop' }, no, no).kind, 'app');
    assert.equal(questionOf({ app: null, host: 'shop.example' }, yes, no).kind, 'host');
  });
});

describe('the journal', () => {
  const record = (fields: object): string => JSON.stringify({ __REALTIME_TIMESTAMP: '1000000', _PID: '77', ...fields });
  test('of the last start alone', () => {
    const { lines, failedAt } = parseLines([
      record({ MESSAGE: 'long ago' }), record({ MESSAGE: 'Starting', MESSAGE_ID: '7d4958e842da4a758f6c1cdc7b36dcc5', _PID: '1' }),
      record({ MESSAGE: 'hello' }), record({ MESSAGE: 'Main process exited', _PID: '1' }), record({ MESSAGE: 'Started', MESSAGE_ID: '39f53479d3a045ac8e11786248231fbf', _PID: '1' }),
      record({ MESSAGE: [104, 105, 27] }), record({ MESSAGE: null }), 'no JSON', '',
    ].join('\n'));
    assert.deepEqual(lines.map(({ by, text }) => `${by} ${text}`), ['app hello', 'systemd Main process exited', 'app hi\x1b', 'app (a line that is too long to be shown)']);
    assert.deepEqual([lines[0]?.at, failedAt], [1000, null]);
  });
  test('of a start that failed for want of something', () => {
    const failed = record({ MESSAGE: 'Dependency failed for x', MESSAGE_ID: 'be02cf6855d2428ba40df7e9d022f03d', _PID: '1' });
    assert.deepEqual(parseLines(failed), { lines: [{ at: 1000, by: 'systemd', text: 'Dependency failed for x' }], failedAt: 1000 });
    assert.equal(parseLines(`${failed}\n${record({ MESSAGE: 'Started', MESSAGE_ID: '39f53479d3a045ac8e11786248231fbf', _PID: '1' })}`).failedAt, null);
  });
});

test('what strangers write moves no cursor, and lines fit a terminal', () => {
  const lines = answerLines({ headline: 'a\x1b[2Jb', sections: [{ title: 'Why \u202e?', wrong: true, sentences: [say(`${'word '.repeat(40)}`, `evidence\r\n\x07 ${'x'.repeat(900)}`)] }] }, plain);
  assert.doesNotMatch(lines.join('\n'), /[\x00-\x09\x0b-\x1f\u202e]/);
  assert.ok(lines.filter((line) => !line.startsWith('      ')).every((line) => line.length <= 79));
  assert.ok(lines.every((line) => line.length < 450));
});
