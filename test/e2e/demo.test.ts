/** scripts/demo checks each of its own steps; here it runs as a stranger would run it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../support/run.ts';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));

test('the demo shows what it says, and cleans up', { timeout: 900_000 }, async () => {
  const host = `demo-${process.pid}`;
  const { stdout, stderr, code } = await run('env', [`FC_DEMO_HOST=${host}`, `${scripts}/demo`], { timeoutMs: 840_000 });
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /6\. Asleep again/);
  const { stdout: left } = await run(`${scripts}/testhost`, ['list']);
  assert.doesNotMatch(left, new RegExp(host));
});
