import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SyncState } from '../../../src/admin/state.ts';
import { parseSyncReport, readSyncReport } from '../../../src/admin/sync-report.ts';

const REPORT: SyncState = {
  syncedAt: 1_000, triedAt: 2_000, error: 'the CMDB cannot be used', revision: '17',
  rejections: [{ table: 'apps', key: 'shop', column: 'port', why: 'is NULL', app: 'shop' }],
  failed: [{ subject: 'shop', what: 'did not', why: 'so' }],
  handingOver: [{ app: 'shop', to: '0123abcd' }],
  handOvers: { done: 3, failed: 1 },
  deepAsleep: ['blog'],
};

describe('the report of fc-sync', () => {
  test('is read as it was written', () => {
    assert.deepEqual(parseSyncReport(JSON.stringify(REPORT)), REPORT);
  });

  const NOTHING: SyncState = { syncedAt: null, triedAt: 5, error: null, revision: null, rejections: [], failed: [], handingOver: [], handOvers: { done: 0, failed: 0 }, deepAsleep: [] };
  const tolerated: [what: string, text: string, read: SyncState | null][] = [
    ['nothing', '', null],
    ['half of it', JSON.stringify(REPORT).slice(0, 80), null],
    ['another thing', '"a text"', null],
    ['null', 'null', null],
    ['no time', '{"syncedAt":1}', null],
    ['nothing but a time', '{"triedAt":5}', NOTHING],
    ['values of other kinds', '{"triedAt":5,"syncedAt":"now","error":{},"revision":4,"rejections":{},"failed":[null,1,{"subject":"s"}],"handingOver":["a",{"app":"a"}],"handOvers":7,"deepAsleep":[1,"b",null]}', { ...NOTHING, deepAsleep: ['b'] }],
    ['what a later version may add', '{"triedAt":5,"more":[1]}', NOTHING],
    ['a rejection of no app', '{"triedAt":5,"rejections":[{"table":"hosts","key":"h","column":"name","why":"w","app":null},{"table":"hosts"}]}', { ...NOTHING, rejections: [{ table: 'hosts', key: 'h', column: 'name', why: 'w', app: null }] }],
    ['a number that is none', '{"triedAt":1e999}', null],
    ['names of every object', '{"triedAt":5,"constructor":1,"__proto__":{"error":"x"}}', NOTHING],
  ];
  for (const [what, text, read] of tolerated) test(`${what} is tolerated`, () => assert.deepEqual(parseSyncReport(text), read));

  test('of which there is none is null', async () => {
    assert.equal(await readSyncReport('/nonexistent/report.json'), null);
    assert.equal(await readSyncReport('/'), null);
  });
});
