import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/config.ts';
import { exampleConfig } from '../../src/config/example.ts';
import { KEYS } from '../../src/config/keys.ts';

const SHORT = '[host]\nname = web1\n[cmdb]\nurl = mysql://fc@db1/fastcontainer\n';
const example = exampleConfig();

test('the example is a configuration, and says nothing but what is required', () => {
  for (const program of ['fc-sync', 'fc-proxy'] as const) {
    assert.deepEqual(parseConfig(example, 'example', program), parseConfig(SHORT, 'short', program));
  }
});

test('what its comments say of defaults is so', () => {
  const all = example.replaceAll(/^;(?=\w+ = .)/gm, '').replace(/^password_file.*$/m, '');
  assert.ok(all.includes('\nmax_starts = '));
  for (const program of ['fc-sync', 'fc-proxy'] as const) {
    assert.deepEqual(parseConfig(all, 'all', program), parseConfig(SHORT, 'short', program));
  }
});

test('it has every key, below its section', () => {
  for (const { section, key } of KEYS) assert.match(example, new RegExp(`^\\[${section}\\]\\n(?:[^[].*\\n|\\n)*?;?${key} =`, 'm'));
});
