import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { splitEnv } from '../../../src/units/envfile.ts';
import { processText } from '../../support/hostile.ts';

/** As podman reads the file: lines, blanks before them and comments dropped, the rest of a line after `=` as it is. */
function read(text: string): Map<string, string> {
  const env = new Map<string, string>();
  for (const raw of text.split('\n')) {
    assert.ok(Buffer.byteLength(raw) < 65_536, 'a line of more than podman reads');
    const line = raw.replace(/\r$/, '').replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const at = line.indexOf('=');
    assert.ok(at > 0, 'a line that takes a variable from podman\'s own environment');
    env.set(line.slice(0, at), line.slice(at + 1));
  }
  return env;
}

describe('splitEnv', () => {
  it('carries what one line can hold in the file and the rest as secrets', () => {
    const env = new Map([
      ['A', ''], ['B', ' x "y" \'z\' # $HOME %n \\n ; '], ['C', 'a\nb'], ['D', 'a\r'], ['E', '\t='], ['F', 'x'.repeat(60_000)], ['G', 'é😀\u2028\u0085'],
    ]);
    const { lines, secrets } = splitEnv(env);
    assert.equal(lines, 'A=\nB= x "y" \'z\' # $HOME %n \\n ; \nE=\t=\nG=é😀\u2028\u0085\n');
    assert.deepEqual([...secrets.keys()], ['C', 'D', 'F']);
  });

  it('loses, changes and adds nothing, whatever the values', () => {
    const key = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,10}$/);
    fc.assert(fc.property(fc.array(fc.tuple(key, processText), { maxLength: 6 }), (entries) => {
      const env = new Map(entries);
      const { lines, secrets } = splitEnv(env);
      assert.deepEqual(new Map([...read(lines), ...secrets]), new Map([...[...env].filter(([k]) => !secrets.has(k)), ...secrets]));
      assert.equal(read(lines).size + secrets.size, env.size);
      for (const [k, value] of secrets) assert.equal(value, env.get(k));
    }));
  });
});
