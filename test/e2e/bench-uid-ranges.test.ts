/** test/bench/uid-ranges works, at a toy size. What it says of larger images takes a quiet machine and a person. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';

const BENCH = new URL('../bench/uid-ranges', import.meta.url).pathname;
let host: TestHost;

before(async () => {
  host = await bootHost('bench', { provision: false });
}, { timeout: 60_000 });

after(() => host.kill());

test('a range of user ids costs a start next to nothing, and the storage nothing', async (t) => {
  const said = await host.ok(`${BENCH} 300 30 3`, { timeoutMs: 120_000 });
  t.diagnostic(said);
  assert.match(said, /^small .*\nlarge .*\nstorage grew by 0 MB over 3 ranges\n$/m);
});
