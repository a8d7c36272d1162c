/** Which apps are shown, and in what order. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { APP_STATES } from '../../../src/admin/state.ts';
import { PLACED, rowsOfHost, select, unmatched, type Wish } from '../../../src/status/rows.ts';
import { aHost, anApp, aStatus, NOW } from './support.ts';

const WISH: Wish = { words: [], states: null, sort: 'state', reverse: false };

const names = (wish: Partial<Wish>, status = aStatus()): string[] => select(rowsOfHost(status), { ...WISH, ...wish }).map(({ app }) => app.name.slice(0, 8));

describe('without a word or a state', () => {
  test('what is in trouble comes first, then what starts, then what is awake; who sleeps is left out', () => {
    assert.deepEqual(names({}), ['broken', 'wrong', 'wiki', 'a-rather', 'blog', 'shop', 'mail']);
  });

  test('--all has those that sleep, too', () => {
    assert.deepEqual(names({ states: PLACED }).slice(-2), ['sleepy', 'sleepier']);
  });
});

describe('a word', () => {
  test('is a name, or one with * and ?, whatever the app does', () => {
    assert.deepEqual(names({ words: ['sleepy'] }), ['sleepy']);
    assert.deepEqual(names({ words: ['sleep*'] }), ['sleepy', 'sleepier']);
    assert.deepEqual(names({ words: ['?log', 'wiki'] }), ['wiki', 'blog']);
    assert.deepEqual(names({ words: ['*'] }).length, 9);
  });

  test('is a domain, or a name under one', () => {
    assert.deepEqual(names({ words: ['www.shop.example.com'] }), ['shop']);
    assert.deepEqual(names({ words: ['anything.at.shop.example.org'] }), ['shop']);
    assert.deepEqual(names({ words: ['shop.example.org'] }), []);
    assert.deepEqual(names({ words: ['*.example.com'] }).includes('blog'), true);
  });

  test('says nothing else than that: no regular expression', () => {
    const status = aHost('web1', [anApp('a'), anApp('b', { domains: ['x.test'] })]);
    for (const word of ['.', '[ab]', '(a)', 'a|b', '^a', 'a$', 'x_test', '\\a', '{', 'a+', 'xxtest', '.*x']) assert.deepEqual(names({ words: [word] }, status), [], word);
    assert.deepEqual(names({ words: ['*'.repeat(2000)] }, status), ['a', 'b'], 'nor one that takes for ever');
    assert.deepEqual(names({ words: ['*a'.repeat(20)] }, aHost('web1', [anApp('a'.repeat(40))])).length, 1);
  });

  test('that no app goes by is known', () => {
    assert.deepEqual(unmatched(rowsOfHost(aStatus()), ['shop', 'shpo', 'x*']), ['shpo', 'x*']);
  });
});

test('a state', () => {
  for (const state of APP_STATES) assert.equal(names({ states: new Set([state]) }).length, state === 'awake' ? 2 : 1, state);
  assert.deepEqual(names({ states: new Set(['awake']), words: ['b*'] }), ['blog']);
});

describe('the order', () => {
  test('the most comes first, what is not known last; --reverse turns it', () => {
    assert.deepEqual(names({ sort: 'requests' }).slice(0, 2), ['shop', 'blog']);
    assert.deepEqual(names({ sort: 'memory' }).slice(0, 4), ['shop', 'blog', 'a-rather', 'broken']);
    assert.deepEqual(names({ sort: 'memory', reverse: true }).slice(-3), ['a-rather', 'blog', 'shop']);
    assert.deepEqual(names({ sort: 'since' })[0], 'wiki', 'the latest');
    assert.deepEqual(names({ sort: 'p95' })[0], 'shop');
    assert.deepEqual(names({ sort: 'starts' })[0], 'shop');
    assert.deepEqual(names({ sort: 'in-flight' })[0], 'shop');
    assert.deepEqual(names({ sort: 'name' })[0], 'a-rather');
    assert.deepEqual(names({ sort: 'name', reverse: true })[0], 'wrong');
  });

  test('of what is equal is that of the names, and then of the hosts', () => {
    const rows = ['web2', 'web1'].flatMap((host) => rowsOfHost(aHost(host, [anApp('b'), anApp('a')], { at: NOW })));
    assert.deepEqual(select(rows, { ...WISH, states: PLACED }).map(({ app, host }) => `${app.name}@${host}`), ['a@web1', 'a@web2', 'b@web1', 'b@web2']);
  });
});
