import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Subnet } from '../../../src/config/values.ts';
import { allocate, networkFile, networkPair, parseNetworkFile } from '../../../src/systemd/network.ts';

const RANGE: Subnet = { address: '10.197.0.0', prefix: 16, family: 'ipv4' };

describe('the addresses of a generation', () => {
  test('are two of the range, and one in IPv6 that says the same', () => {
    assert.deepEqual(networkPair(RANGE, 1), {
      index: 1, interface: 'fcv1', hostAddress: '10.197.0.1', appAddress: '10.197.0.3',
      egressAddress: '10.197.0.2', egressAddress6: 'fd9c:6e2f:41b7::ac5:2', range: '10.197.0.0/16',
    });
    const { appAddress, egressAddress, egressAddress6 } = networkPair(RANGE, 32_767);
    assert.deepEqual([appAddress, egressAddress, egressAddress6], ['10.197.255.255', '10.197.255.254', 'fd9c:6e2f:41b7::ac5:fffe']);
  });

  test('are written for fc-net, those to reach out from only where the app may', () => {
    const pair = networkPair(RANGE, 9);
    const common = 'FC_INDEX=9\nFC_INTERFACE=fcv9\nFC_HOST_ADDRESS=10.197.0.1\nFC_APP_ADDRESS=10.197.0.19\n';
    assert.equal(networkFile(pair, 'private'), `${common}FC_NETWORK=private\nFC_RANGE=10.197.0.0/16\n`);
    assert.equal(networkFile(pair, 'egress'), `${common}FC_EGRESS_ADDRESS=10.197.0.18\nFC_EGRESS_ADDRESS6=fd9c:6e2f:41b7::ac5:12\nFC_NETWORK=egress\nFC_RANGE=10.197.0.0/16\n`);
    for (const network of ['egress', 'private'] as const) assert.deepEqual(parseNetworkFile(networkFile(pair, network)), { index: 9, appAddress: '10.197.0.19' });
  });

  test('are never the host\'s own', () => {
    assert.deepEqual([...allocate(['a', 'b'], new Map([['c', 2]]), RANGE)], [['a', 1], ['b', 3]]);
  });
});
