import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSnapshot, SnapshotError } from '../../src/snapshot/parse.ts';
import { SnapshotReader, snapshotText } from '../../src/snapshot/text.ts';
import { appOf, generationOf, snapshotOf } from './proxy/support.ts';

const shop = appOf('shop', ['shop.example'], generationOf('shop'));
const mail = appOf('mail', [], null);
const wiki = appOf('wiki', ['*.wiki.example'], generationOf('wiki'));

for (const [what, snapshot] of [['several apps', snapshotOf(shop, mail, wiki)], ['one app', snapshotOf(shop)], ['none', snapshotOf()]] as const) {
  test(`${what}: what was written is read, also by who knows nothing of lines`, async () => {
    const text = snapshotText(snapshot);
    assert.deepEqual(await new SnapshotReader().read(text), snapshot);
    assert.deepEqual(parseSnapshot(text), snapshot);
  });
}

test('a snapshot that is one line is read, too: an older fc-sync wrote it', async () => {
  const snapshot = snapshotOf(shop, mail);
  assert.deepEqual(await new SnapshotReader().read(`${JSON.stringify(snapshot)}\n`), snapshot);
});

test('what says the same is the same object, wherever it stands', async () => {
  const reader = new SnapshotReader();
  const one = await reader.read(snapshotText(snapshotOf(mail, shop, wiki)));
  const two = await reader.read(snapshotText(snapshotOf(shop, { ...wiki, domains: ['wiki.example'] })));
  assert.equal(two.apps[0], one.apps[1]);
  assert.equal(two.hosts, one.hosts);
  assert.notEqual(two.apps[1], one.apps[2]);
  assert.deepEqual(two.apps[1]?.domains, ['wiki.example']);
  const three = await reader.read(snapshotText({ ...snapshotOf(shop), hosts: [] }));
  assert.equal(three.apps[0], one.apps[1]);
  assert.notEqual(three.hosts, one.hosts);
});

describe('refused, with the place and the reason', () => {
  const text = snapshotText(snapshotOf(shop, mail, wiki));
  const table: [what: string, text: string, message: RegExp][] = [
    ['a bad value', text.replace('"port":8080', '"port":0').replace(/"name":"wiki"/, '"name":"-"'), /apps\[2\]\.name is not valid/],
    ['a line that is cut off', text.replace('"name":"mail",', '"name":"mai'), /is not JSON/],
    ['a file that is cut off', text.slice(0, text.length / 2), /is not JSON/],
    ['a comma too much', text.replace('\n]}', ',\n]}'), /is not JSON/],
    ['another format', text.replace('"format":1', '"format":99'), /format is not 1/],
  ];
  for (const [what, bad, message] of table) {
    test(what, async () => {
      const reader = new SnapshotReader();
      const good = await reader.read(text);
      await assert.rejects(reader.read(bad), (error) => error instanceof SnapshotError && message.test(error.message));
      assert.equal((await reader.read(text)).apps[0], good.apps[0], 'what was read before is still known');
    });
  }
});
