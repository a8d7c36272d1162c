/** Hosts hold nothing: one that is empty needs scripts/provision and its row, and the first requests build the rest. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestFleet } from '../support/fleet-hosts.ts';
import type { TestHost } from '../support/host.ts';

let fleet: TestFleet;
let front: TestHost;

before(async () => {
  fleet = await TestFleet.boot({ cmdb: 'front', hosts: ['web1', 'web2'] });
  front = fleet.host('front');
}, { timeout: 300_000 });
after(() => fleet.kill());

const answers = (app: string): Promise<void> =>
  front.until(async () => (await front.request(`${app}.test`, '/')).status === 200 || 'no answer', { timeoutMs: 20_000, what: `${app} answers` });

describe('a fleet that scripts/provision made', () => {
  test('serves an app of each host through the front', async () => {
    await fleet.place('one', ['web1']);
    await fleet.place('two', ['web2']);
    await answers('one');
    await answers('two');
    assert.notEqual((await fleet.host('web1').ok("systemctl list-units --no-legend --state=active 'fc-ctr-one-*'")).trim(), '');
  });
});
