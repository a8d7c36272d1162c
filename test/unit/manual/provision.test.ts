import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FC_PROVISION } from '../../../src/cli/fc-provision.ts';
import { helpText } from '../../../src/cli/spec.ts';

const path = fileURLToPath(new URL('../../../scripts/provision', import.meta.url));

test('scripts/provision --help says what its manual page says: UPDATE_DOCS=1 writes it', () => {
  const script = readFileSync(path, 'utf8');
  const wanted = script.replace(/(?<=<<USAGE\n)[^]*?(?=USAGE\n)/, () => `${helpText(FC_PROVISION).replace('fc-provision', '$SELF')}\n`);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, wanted);
  else assert.equal(script, wanted);
});

test('it reads the options that are told, and no others', () => {
  const script = readFileSync(path, 'utf8');
  const loop = /while \(\(\$#\)\); do([^]*?)\ndone/.exec(script)?.[1] ?? assert.fail();
  const labels = [...loop.matchAll(/^\t\t(--[^)]*)\)/gm)].flatMap(([, label = '']) => label.split(' | '));
  assert.deepEqual(labels.filter((label) => label !== '--help' && label !== '-h').sort(), FC_PROVISION.options.map(({ name }) => `--${name}`).sort());
});
