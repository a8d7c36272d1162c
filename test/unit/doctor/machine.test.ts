/** The machine below: kernel, limits, cgroups, network, clock, disks. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeCgroups } from '../../../src/doctor/checks/cgroups.ts';
import { judgeClock } from '../../../src/doctor/checks/clock.ts';
import { judgeDescriptors, limitIn } from '../../../src/doctor/checks/descriptors.ts';
import { judgeDisk, PLACES } from '../../../src/doctor/checks/disk.ts';
import { foreignChains, judgeFirewall } from '../../../src/doctor/checks/firewall.ts';
import { judgeJournal } from '../../../src/doctor/checks/journal.ts';
import { FEATURES, judgeKernel } from '../../../src/doctor/checks/kernel.ts';
import { judgeLimits, LIMITS } from '../../../src/doctor/checks/limits.ts';
import { judgeRange, parseRoutes } from '../../../src/doctor/checks/network-range.ts';
import { judgeResolver } from '../../../src/doctor/checks/resolver.ts';
import { judgeSeccomp } from '../../../src/doctor/checks/seccomp.ts';
import { judgeModules } from '../../../src/doctor/checks/security-modules.ts';
import { judgeStorage } from '../../../src/doctor/checks/storage.ts';
import { judgeVolumes, unmountedOf, type FolderFacts } from '../../../src/doctor/checks/volumes.ts';
import { assertFinds } from './support.ts';

describe('descriptors', () => {
  const good = { apps: 100, maxWaiting: 1024, proxyLimit: 524_288, systemdLimit: 1_048_576, mostEach: 1_048_576, open: 5_000, most: 1e9 };
  test('that are enough are well', () => {
    assertFinds(judgeDescriptors(good));
    assertFinds(judgeDescriptors({ ...good, proxyLimit: null, systemdLimit: null }));
    assertFinds(judgeDescriptors({ ...good, proxyLimit: 3_072 }));
  });
  test('that are not are told, with a limit that can be had', () => {
    assertFinds(judgeDescriptors({ ...good, proxyLimit: 1_024 }), ['warning', /fc-proxy may have 1024 descriptors open, and needs up to 3072/, /LimitNOFILE=524288.*restart fc-proxy$/]);
    assertFinds(judgeDescriptors({ ...good, proxyLimit: 1_024, systemdLimit: 20_000 }), ['warning', /fc-proxy/, /LimitNOFILE=20000/]);
    assertFinds(judgeDescriptors({ ...good, apps: 10_000, systemdLimit: 20_000 }), ['error', /systemd may have 20000 descriptors open, and needs up to 20512/, /fs\.nr_open = 1048576/]);
    assertFinds(judgeDescriptors({ ...good, open: 900, most: 1_000 }), ['warning', /900 files are open on this host, of 1000/, /fs\.file-max = 2000/]);
  });
  test('are read from /proc', () => {
    assert.equal(limitIn('Max processes             1  1 processes\nMax open files            20000                524288               files\n'), 20_000);
    assert.equal(limitIn('Max open files            unlimited            unlimited            files\n'), Infinity);
    assert.equal(limitIn(''), null);
  });
});

describe('limits of the kernel', () => {
  const values = new Map(LIMITS.map(({ key, needs }) => [key, needs(1000)]));
  test('that are enough, or that this kernel does not have, are well', () => {
    assertFinds(judgeLimits({ apps: 1000, values, conntrack: null }));
    assertFinds(judgeLimits({ apps: 1000, values: new Map(), conntrack: { count: 10, most: 100 } }));
  });
  for (const { key, rare, needs } of LIMITS) {
    test(`${key}, when it is too low, is told`, () => {
      assertFinds(judgeLimits({ apps: 1000, values: new Map([...values, [key, needs(1000) - 1]]), conntrack: null }),
        [rare ? 'info' : 'warning', new RegExp(`^${key.replaceAll('.', '\\.')} is ${needs(1000) - 1}, and 1000 apps may need ${needs(1000)}$`), new RegExp(`^echo '${key} = ${needs(1000)}' >/etc/sysctl\\.d/60-fastcontainer-${key}\\.conf && sysctl --load=/etc/sysctl\\.d/60-fastcontainer-${key}\\.conf$`)]);
    });
  }
  test('tracked connections, when they run out, are told', () => {
    assertFinds(judgeLimits({ apps: 1, values, conntrack: { count: 76, most: 100 } }), ['warning', /76 connections are tracked, of 100/, /nf_conntrack_max = 200/]);
  });
});

describe('the kernel', () => {
  const features = new Map<string, string | null>(FEATURES.map(({ name }) => [name, null]));
  test('that can do all of it is well', () => { assertFinds(judgeKernel({ features, seccomp: true })); });
  for (const { name, module } of FEATURES) {
    test(`without ${name} is told`, () => {
      assertFinds(judgeKernel({ features: new Map([...features, [name, 'Operation not supported']]), seccomp: true }), ['error', new RegExp(`use ${name}: Operation not supported$`), module === null ? /kernel/ : new RegExp(`^modprobe ${module} `)]);
    });
  }
  test('without seccomp is told', () => { assertFinds(judgeKernel({ features, seccomp: false }), ['error', /seccomp/, /kernel/]); });
});

describe('cgroups', () => {
  const all = ['cpuset', 'cpu', 'io', 'memory', 'pids'];
  const good = { isUnified: true, controllers: all, containers: [{ unit: 'fc-ctr-a-00000000.service', controllers: all }] };
  test('with the controllers that limits need are well', () => { assertFinds(judgeCgroups(good)); });
  test('without are told', () => {
    assertFinds(judgeCgroups({ ...good, isUnified: false }), ['error', /no cgroup v2/, /unified_cgroup_hierarchy/]);
    assertFinds(judgeCgroups({ ...good, controllers: ['cpu', 'pids'], containers: [] }), ['warning', /controller memory is not available/, /cgroup_enable=memory/]);
    assertFinds(judgeCgroups({ ...good, controllers: [], containers: [] }), ['warning', /memory/, /memory/], ['warning', /cpu/, /cgroups/], ['warning', /pids/, /cgroups/]);
    assertFinds(judgeCgroups({ ...good, containers: [{ unit: 'fc-ctr-a-00000000.service', controllers: ['memory', 'cpu'] }] }), ['warning', /fc-ctr-a-00000000\.service lacks the controller pids/, /TasksAccounting=yes/]);
  });
});

describe('the network range', () => {
  const good = { range: { address: '10.197.0.0', prefix: 16, family: 'ipv4' } as const, routes: [{ to: '192.0.2.0/24', device: 'eth0', table: 'main' }, { to: '10.197.0.3', device: 'fcv1', table: '7797' }, { to: '10.197.0.1', device: 'lo', table: 'local' }, { to: '2001:db8::/32', device: 'eth0', table: 'main' }], used: 10 };
  test("that is nobody else's is well", () => { assertFinds(judgeRange(good)); });
  for (const to of ['10.197.3.0/24', '10.197.0.9', '10.0.0.0/8', '10.197.0.0/16']) {
    test(`that overlaps with ${to} is told`, () => { assertFinds(judgeRange({ ...good, routes: [...good.routes, { to, device: 'eth1', table: 'main' }] }), ['error', new RegExp(`overlaps with ${to}, .* by eth1$`), /range/]); });
  }
  test('that is nearly used up is told', () => { assertFinds(judgeRange({ ...good, range: { ...good.range, prefix: 24 }, used: 110 }), ['warning', /110 generations have addresses of \[network\] range 10\.197\.0\.0\/24, which has 127/, /range/]); });
  test('is compared with routes as ip tells them', () => {
    assert.deepEqual(parseRoutes('[{"dst":"default","dev":"eth0"},{"dst":"10.0.0.0/24","dev":"eth0"},{"type":"broadcast","dst":"10.0.0.255","dev":"eth0","table":"local"},{"dst":"10.0.0.5","dev":"eth0","table":"local","type":"local"},{"type":"prohibit","dst":"1.2.3.4"}]'),
      [{ to: '10.0.0.0/24', device: 'eth0', table: 'main' }, { to: '10.0.0.5', device: 'eth0', table: 'local' }]);
  });
});

describe('the firewall', () => {
  const good = { actual: 'table\n', expected: 'table\n', missingRules: [], egress: true, notForwarding: [], foreign: [] };
  test('as it was made, or not yet needed, is well', () => {
    assertFinds(judgeFirewall(good));
    assertFinds(judgeFirewall({ ...good, actual: null, expected: null }));
    assertFinds(judgeFirewall({ ...good, egress: false, notForwarding: ['eth0'], foreign: [{ family: 'ip', table: 'filter', chain: 'FORWARD' }] }));
  });
  test('that is gone, or is another, is told', () => {
    assertFinds(judgeFirewall({ ...good, actual: null }), ['error', /are gone/, /^systemctl restart fc-firewall\.service$/]);
    assertFinds(judgeFirewall({ ...good, actual: 'table x\n' }), ['error', /not those that it makes/, /restart/]);
    assertFinds(judgeFirewall({ ...good, missingRules: [7780, 7784] }), ['error', /preferences 7780, 7784/, /restart/]);
    assertFinds(judgeFirewall({ ...good, notForwarding: ['eth0'] }), ['error', /eth0 does not forward/, /restart/]);
    assertFinds(judgeFirewall({ ...good, foreign: [{ family: 'ip', table: 'filter', chain: 'FORWARD' }] }), ['warning', /chain FORWARD of table ip filter drops/, /^nft insert rule ip filter FORWARD iifname '"fcv\*"' accept && nft insert/]);
  });
  test('of others is read from nft', () => {
    const chain = (table: string, hook: string, policy: string): object => ({ chain: { family: 'ip', table, name: 'FORWARD', hook, policy } });
    const json = JSON.stringify({ nftables: [{ metainfo: {} }, chain('filter', 'forward', 'drop'), chain('kind', 'forward', 'accept'), chain('in', 'input', 'drop'), chain('aware', 'forward', 'drop'), { rule: { family: 'ip', table: 'aware', chain: 'FORWARD', expr: [{ match: { right: 'fcv*' } }] } }] });
    assert.deepEqual(foreignChains(json), [{ family: 'ip', table: 'filter', chain: 'FORWARD' }]);
  });
});

test('name servers for apps that there are not are told', () => {
  assertFinds(judgeResolver({ resolvConf: null }));
  assertFinds(judgeResolver({ resolvConf: 'search x\nnameserver 192.0.2.1\n' }));
  assertFinds(judgeResolver({ resolvConf: "# The host's name servers are on the host itself\n" }), ['warning', /no name server/, /nameservers = /]);
});

describe('the clock', () => {
  test('that is right, or that nobody knows of, is well', () => {
    assertFinds(judgeClock({ synchronized: true, ahead: [{ address: 'fc@db1', seconds: -2 }] }));
    assertFinds(judgeClock({ synchronized: null, ahead: [] }));
  });
  test('that is not is told', () => {
    assertFinds(judgeClock({ synchronized: false, ahead: [] }), ['warning', /not synchronized/, /set-ntp true/]);
    assertFinds(judgeClock({ synchronized: true, ahead: [{ address: 'fc@db1', seconds: 60.4 }, { address: 'fc@db2', seconds: -7 }] }), ['warning', /at fc@db1 is 60 s ahead of/, /timedatectl/], ['warning', /at fc@db2 is 7 s behind/, /timedatectl/]);
  });
});

describe("podman's storage", () => {
  const good = { driver: 'overlay', root: '/var/lib/containers/storage', fileSystem: 'ext2/ext3', runtime: 'crun' };
  test('on overlay is well', () => { assertFinds(judgeStorage(good)); });
  test('of another kind, or elsewhere, is told', () => {
    assertFinds(judgeStorage({ ...good, driver: 'vfs' }), ['error', /driver is vfs/, /storage\.conf/]);
    assertFinds(judgeStorage({ ...good, driver: 'btrfs' }), ['warning', /driver is btrfs/, /storage\.conf/]);
    assertFinds(judgeStorage({ ...good, fileSystem: 'nfs' }), ['error', /lies on nfs/, /file system of this host's own/]);
    assertFinds(judgeStorage({ ...good, runtime: 'runc' }), ['warning', /by runc, not by crun/, /runtime = "crun"/]);
  });
});

describe('disks', () => {
  const good = { path: '/var/lib/containers', freeBytes: 5e9, bytes: 20e9, freeInodes: 50, inodes: 100 };
  test('with room are well, those that make inodes as they need them too', () => {
    assertFinds(judgeDisk([good, { ...good, freeInodes: 0, inodes: 0 }, { ...good, freeBytes: 20 * 2 ** 30, bytes: 10e12 }, { ...good, freeBytes: 0, bytes: 0 }]));
  });
  test('that fill up are told', () => {
    assertFinds(judgeDisk([{ ...good, freeBytes: 1e9 }]), ['warning', /of the space for \/var\/lib\/containers 5\.0% is free/, /image prune/]);
    assertFinds(judgeDisk([{ ...good, freeBytes: 1e8 }]), ['error', /0\.5% is free/, /image prune/]);
    assertFinds(judgeDisk([{ ...good, path: '/run', freeInodes: 1 }]), ['error', /of the inodes for \/run 1\.0% are free/, /du .*\/run/]);
    for (const { path } of PLACES) assertFinds(judgeDisk([{ ...good, path, freeBytes: 1e9 }]), ['warning', new RegExp(path), /./]);
  });
});

describe('volumes', () => {
  const root: FolderFacts = { path: '/srv/fc', use: 'root', state: 'there', fileSystem: 'xfs', uid: 0 };
  const of = (as: 'rootfs' | 'ro' | 'rw', facts: Partial<FolderFacts>): FolderFacts => ({ ...root, path: '/srv/fc/a b', use: { app: 'shop', as, uidBase: 65_536 }, uid: 65_536, ...facts });
  const judge = (...folders: readonly FolderFacts[]) => judgeVolumes({ folders, unmounted: [] });
  test('that are there are well; those for writing are made', () => {
    assertFinds(judge(root, of('rw', {}), of('rw', { state: 'missing' }), of('rw', { uid: 0 }), of('ro', { uid: 7 }), of('rootfs', { uid: 0 })));
  });
  test('that are not, or of others, are told', () => {
    assertFinds(judge({ ...root, state: 'missing' }), ['info', /\/srv\/fc, of \[volumes\] roots, is not there/, /^mkdir -p --mode=0700 \/srv\/fc$/]);
    assertFinds(judge({ ...root, state: 'silent' }), ['error', /storage at \/srv\/fc does not answer/, /findmnt/]);
    assertFinds(judge(of('ro', { state: 'missing' })), ['error', /which shop uses as a volume to read, is not there/, /put it there/]);
    assertFinds(judge(of('rootfs', { state: 'missing' })), ['error', /as its root file system, is not there/, /put it there/]);
    assertFinds(judge(of('rootfs', { fileSystem: 'nfs', uid: 0 })), ['error', /lies on NFS and is not shop's/, /fc-own 65536 '\/srv\/fc\/a b'$/]);
    assertFinds(judge(of('rw', { uid: 1000 })), ['warning', /which shop writes to, belongs to user 1000/, /fc-own 65536/]);
    assertFinds(judgeVolumes({ folders: [root], unmounted: ['/srv/fc'] }), ['error', /nothing is mounted at \/srv\/fc/, /^mount \/srv\/fc$/]);
  });
  test('below a mount point of fstab want it mounted', () => {
    const fstab = '# comment\nUUID=1 / ext4 defaults 0 1\ndb1:/x /srv nfs4 _netdev 0 0\ndb1:/y /srv/fc\\040x nfs4 _netdev 0 0\ndb1:/z /mnt nfs4 defaults 0 0\ndb1:/q /srv/fc nfs4 noauto 0 0\n';
    assert.deepEqual(unmountedOf(fstab, '1 0 8:1 / / rw - ext4 x rw\n', ['/srv/fc', '/srv/fc x/y']), ['/srv', '/srv/fc x']);
    assert.deepEqual(unmountedOf(fstab, '1 0 8:1 / /srv rw - nfs4 x rw\n2 0 8:1 / /srv/fc\\040x rw - nfs4 x rw\n', ['/srv/fc', '/srv/fc x/y']), []);
  });
});

test('what stands in the way of others, or is forgotten, is noted', () => {
  assertFinds(judgeModules({ selinuxEnforcing: false, profiles: null }));
  assertFinds(judgeModules({ selinuxEnforcing: false, profiles: 'crun (unconfined)\nman_filter (enforce)\n' }));
  assertFinds(judgeModules({ selinuxEnforcing: true, profiles: '/usr/bin/podman (enforce)\n' }), ['warning', /SELinux/, /ausearch/], ['info', /AppArmor confines \/usr\/bin\/podman/, /journalctl/]);
  assertFinds(judgeJournal({ isPersistent: true }));
  assertFinds(judgeJournal({ isPersistent: false }), ['info', /journal is gone after a reboot/, /mkdir -p \/var\/log\/journal/]);
  assertFinds(judgeSeccomp({ isCompiled: true }));
  assertFinds(judgeSeccomp({ isCompiled: false }), ['info', /not compiled ahead/, /start fc-seccomp/]);
});
