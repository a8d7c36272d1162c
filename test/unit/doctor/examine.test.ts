import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { coloured, plain } from '../../../src/cli/paint.ts';
import { UsageError } from '../../../src/cli/spec.ts';
import { type Check, check, NotLooked } from '../../../src/doctor/check.ts';
import { CHECKS } from '../../../src/doctor/checks.ts';
import { choose } from '../../../src/doctor/choose.ts';
import { examineAll } from '../../../src/doctor/examine.ts';
import { advice, atMost, command, error, type Finding, info, warning } from '../../../src/doctor/finding.ts';
import { Host, parsePasswd } from '../../../src/doctor/host.ts';
import { exitCode, jsonReport, listLines, reportLines } from '../../../src/doctor/report.ts';
import { output, run } from '../../../src/doctor/run.ts';
import { shellWord } from '../../../src/doctor/shell.ts';
import { parseShow, parseUnitList } from '../../../src/doctor/units.ts';

const host = new Host('/nowhere.ini');

function finds(id: string, look: () => Promise<readonly Finding[]>): Check {
  return check({ id, looksAt: `looks at ${id}`, look, judge: (found) => found });
}

const well = finds('well', () => Promise.resolve([]));
const bad = finds('bad', () => Promise.resolve([error('it is bad', 'nothing works', command('mend it'))]));
const poor = finds('poor', () => Promise.resolve([warning('it is poor', 'it may break', advice('care'))]));
const note = finds('note', () => Promise.resolve([info('it is so', 'it is', advice('nothing'))]));
const unseen = finds('unseen', () => Promise.reject(new NotLooked('it is dark')));
const broken = finds('broken', () => Promise.reject(new TypeError('undefined is no function')));
const forbidden = finds('forbidden', () => Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })));
const late = finds('late', () => new Promise(() => undefined));

describe('checks are examined', () => {
  test('each by itself: one that fails, may not look or never ends hinders no other', async () => {
    const examined = await examineAll([bad, late, broken, forbidden, unseen, well], host, 50);
    assert.deepEqual(examined.map(({ check: { id }, unseen: why, findings }) => [id, why, findings.map(({ seen }) => seen)]), [
      ['bad', null, ['it is bad']],
      ['late', 'it has not ended within 0.05 s', []],
      ['broken', null, ['the check "broken" failed: undefined is no function']],
      ['forbidden', 'only root may look there', []],
      ['unseen', 'it is dark', []],
      ['well', null, []],
    ]);
  });

  test('and the exit status says what came of it', async () => {
    const of = async (checks: readonly Check[], strict = false): Promise<number> => exitCode(await examineAll(checks, host, 50), strict);
    assert.equal(await of([well, note]), 0);
    assert.equal(await of([well, poor]), 0);
    assert.equal(await of([well, poor], true), 1);
    assert.equal(await of([note], true), 0);
    assert.equal(await of([bad, unseen]), 1);
    assert.equal(await of([broken]), 1);
    assert.equal(await of([poor, unseen]), 3);
    assert.equal(await of([late]), 3);
  });
});

describe('the report', () => {
  const lines = async (checks: readonly Check[], verbose = false, paint = plain): Promise<string> => reportLines(await examineAll(checks, host, 50), { verbose, paint }).join('\n');

  test('groups findings by severity, each with its remedy', async () => {
    assert.equal(await lines([note, poor, bad, unseen, forbidden, well]), [
      'Errors', '  bad: it is bad: nothing works', '    run  mend it', '',
      'Warnings', '  poor: it is poor: it may break', '    do   care', '',
      'Notes', '  note: it is so: it is', '    do   nothing', '',
      'Not looked at', '  unseen: it is dark', '  forbidden: only root may look there', '',
      '1 error, 1 warning, 1 note; 6 checks, 2 of them not looked at',
    ].join('\n'));
  });

  test('is a line when all is well, and tells what was looked at when asked', async () => {
    assert.equal(await lines([well]), 'nothing found; 1 check');
    assert.equal(await lines([well], true), 'Well\n  well: looks at well\n\nnothing found; 1 check');
  });

  test('lets nobody move the cursor, and colours only where it is told', async () => {
    const hostile = finds('hostile', () => Promise.resolve([error('a row says \x1b[2J\u202e', 'x', command('y'))]));
    const text = await lines([hostile]);
    assert.ok(text.includes('\\u{1b}[2J\\u{202e}'));
    assert.doesNotMatch(text, /\x1b/);
    assert.match(await lines([bad], false, coloured), /\x1b\[31mErrors/);
  });

  test('as JSON says the same', async () => {
    assert.deepEqual(jsonReport(await examineAll([bad, unseen], host, 50)), {
      checks: [{ id: 'bad', looked: true, why: null }, { id: 'unseen', looked: false, why: 'it is dark' }],
      findings: [{ check: 'bad', severity: 'error', seen: 'it is bad', means: 'nothing works', remedy: { kind: 'command', text: 'mend it' } }],
    });
  });

  test('of many findings of a kind tells the first', () => {
    const many = Array.from({ length: 5 }, (_, at) => warning(`row ${at}`, 'it is bad', advice('mend it')));
    assert.deepEqual(atMost(5, many), many);
    assert.deepEqual(atMost(3, many).map(({ seen }) => seen), ['row 0', 'row 1', 'row 2', '2 more like these']);
  });
});

describe('--only', () => {
  test('chooses checks, in their own order', () => {
    assert.deepEqual(choose([well, bad, poor], ['poor,well']), [well, poor]);
    assert.deepEqual(choose([well, bad, poor], ['poor', ' bad ']), [bad, poor]);
    assert.deepEqual(choose([well, bad], []), [well, bad]);
  });
  for (const only of ['wel', '', 'well,', 'well,\x1b[2J']) {
    test(`${JSON.stringify(only)} is no check`, () => { assert.throws(() => choose([well], [only]), UsageError); });
  }
});

test('the list has a line for each check, and no two have one id', () => {
  assert.equal(listLines(CHECKS).length, CHECKS.length);
  assert.equal(new Set(CHECKS.map(({ id }) => id)).size, CHECKS.length);
  for (const { id, looksAt } of CHECKS) {
    assert.match(id, /^[a-z][a-z-]*$/);
    assert.doesNotMatch(looksAt, /\.$|\n/);
  }
});

describe('a program that looks', () => {
  test('is asked without what this one has in its environment', async () => {
    assert.deepEqual(await run('sh', ['-c', 'echo "$HOME $LC_ALL"; cat; exit 3'], { input: 'in' }), { code: 3, stdout: '/root C.UTF-8\nin', stderr: '' });
    assert.equal(await output('echo', ['yes']), 'yes\n');
  });
  test('that fails, is not there or does not end is not looked at', async () => {
    await assert.rejects(output('sh', ['-c', 'echo first >&2; echo why >&2; exit 1']), /^NotLooked: sh -c: why$/);
    await assert.rejects(run('fc-no-such-program', []), /there is no program fc-no-such-program/);
    await assert.rejects(run('sh', ['-c', 'sleep 60 & sleep 60'], { timeoutMs: 50 }), /has not ended within 0\.05 s/);
  });
});

test('words for a shell are one word each', async () => {
  for (const word of ['plain-1.2_x', 'it is', "it's", '$(reboot)', 'a\nb', '', '\u{1b}[2J', 'ä\u202e', 'back\\slash\n', "q'\n"]) {
    assert.doesNotMatch(shellWord(word), /[^\x20-\x7e]/);
    assert.equal(await output('bash', ['-c', `printf %s ${shellWord(word)}`]), word);
  }
});

test('what systemctl prints is read', () => {
  assert.deepEqual([...parseUnitList('fc-a.socket loaded active listening A door\n  fc-b.service not-found inactive dead fc-b.service\n\n').values()], [
    { unit: 'fc-a.socket', load: 'loaded', active: 'active', sub: 'listening' },
    { unit: 'fc-b.service', load: 'not-found', active: 'inactive', sub: 'dead' },
  ]);
  assert.deepEqual(parseShow('Id=a\nX=1=2\n\nId=b\nX=\n').map((block) => [...block]), [[['Id', 'a'], ['X', '1=2']], [['Id', 'b'], ['X', '']]]);
  assert.deepEqual(parsePasswd('fc-proxy:x:994:993:FastContainer proxy:/:/usr/sbin/nologin\n'), { uid: 994, gid: 993 });
  assert.equal(parsePasswd(''), null);
});
