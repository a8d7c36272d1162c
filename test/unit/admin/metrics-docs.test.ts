import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { METRICS } from '../../../src/admin/metrics/table.ts';

const path = fileURLToPath(new URL('../../../docs/metrics.md', import.meta.url));

function table(): string {
  const rows = METRICS.map(({ name, type, labels, help }) =>
    [`\`${name}\``, type, Object.entries(labels).map(([label, what]) => `\`${label}\`: ${what}`).join('<br>'), help]);
  return [['metric', 'type', 'labels', 'says'], ['---', '---', '---', '---'], ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

test('docs/metrics.md says what is served: UPDATE_DOCS=1 writes its table', () => {
  const text = readFileSync(path, 'utf8');
  const written = text.replace(/(<!-- metrics -->\n)[^]*?(<!-- end -->)/, (_all, begin: string, end: string) => `${begin}${table()}\n${end}`);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, written);
  else assert.equal(text, written);
  assert.ok(written.includes('| `fastcontainer_build_info` |'));
});
