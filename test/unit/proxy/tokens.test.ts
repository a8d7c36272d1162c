import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FleetTokens, loadTokens, parseTokens } from '../../../src/proxy/tokens.ts';

const [old, young] = ['old-token-0123456789', 'new-token-0123456789'];

describe('the fleet\'s tokens', () => {
  test('the first is presented, all are accepted, others are not', () => {
    const tokens = new FleetTokens([young, old]);
    assert.equal(tokens.presented, young);
    assert.deepEqual([young, old, '', `${young}x`, young.slice(1), `${young},${old}`].map((token) => tokens.accepts(token)), [true, true, false, false, false, false]);
  });
  test('none accept nobody', () => {
    const tokens = new FleetTokens([]);
    assert.equal(tokens.presented, null);
    assert.equal(tokens.accepts(''), false);
  });
  test('one a line, with comments', () => {
    assert.deepEqual(parseTokens(`# the fleet\n${young}\n\n  ${old}\r\n`), [young, old]);
  });
  for (const bad of ['short', 'with a blank in it 0123', `${young}\u00e4`]) {
    test(`${JSON.stringify(bad)} is none, and is not shown`, () => {
      assert.throws(() => parseTokens(`${old}\n${bad}\n`), (error: Error) => /^line 2 is no token/.test(error.message) && !error.message.includes(bad));
    });
  }
  test('come from systemd\'s credential, if there is one', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fc-tokens-'));
    t.after(() => { rmSync(folder, { recursive: true }); });
    assert.equal(loadTokens('').presented, null);
    assert.equal(loadTokens(folder).presented, null);
    writeFileSync(join(folder, 'fleet-tokens'), '#none');
    assert.equal(loadTokens(folder).presented, null);
    writeFileSync(join(folder, 'fleet-tokens'), `${old}\n`);
    assert.equal(loadTokens(folder).presented, old);
    writeFileSync(join(folder, 'fleet-tokens'), 'x');
    assert.throws(() => loadTokens(folder), /fleet-tokens cannot be used: line 1/);
  });
});
