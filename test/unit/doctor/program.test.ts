/** What the host is made of: versions, the program, its units, configuration, account, files, polkit. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { judgeAccount } from '../../../src/doctor/checks/account.ts';
import { judgeConfig } from '../../../src/doctor/checks/config.ts';
import { judgeFiles, parseTmpfiles } from '../../../src/doctor/checks/files.ts';
import { judgePolkit } from '../../../src/doctor/checks/polkit.ts';
import { judgeProgram } from '../../../src/doctor/checks/program.ts';
import { judgeUnits, type StaticUnit } from '../../../src/doctor/checks/units.ts';
import { isOlder, judgeVersions, parseOsRelease, TOOLS } from '../../../src/doctor/checks/versions.ts';
import { HELPERS, TEMPLATES } from '../../../src/doctor/program.ts';
import { assertFinds } from './support.ts';

describe('versions', () => {
  const tools = new Map([
    ['systemctl', 'systemd 252 (252.39-1~deb12u2)\n+PAM'], ['podman', 'podman version 4.3.1'], ['crun', 'crun version 1.8.1\ncommit: x'], ['conmon', 'conmon version 2.1.6'],
    ['skopeo', 'skopeo version 1.9.3'], ['nft', 'nftables v1.0.6 (Lester Gooch #5)'], ['ip', 'ip utility, iproute2-6.1.0, libbpf 1.1.0'], ['/etc/protocols', 'ipv6-icmp             58 IPv6-ICMP'], ['nsenter', 'nsenter from util-linux 2.38.1'], ['perl', '5.36.0'],
  ]);
  const good = { kernel: '6.1.0-18-amd64', node: '20.18.1', os: { id: 'debian', version: '12' }, tools };

  test('as on Debian 12 are well', () => { assertFinds(judgeVersions(good)); });
  test('each that is too old is told', () => {
    assertFinds(judgeVersions({ ...good, kernel: '5.10.0-28-amd64' }), ['error', /kernel is 5\.10/, /linux-image/]);
    assertFinds(judgeVersions({ ...good, node: '20.18.0' }), ['error', /Node is 20\.18\.0/, /provision/]);
    assertFinds(judgeVersions({ ...good, tools: new Map([...tools, ['podman', 'podman version 3.0.1']]) }), ['warning', /podman is of version 3\.0\.1, older than 4\.3/, /install podman$/]);
    assertFinds(judgeVersions({ ...good, tools: new Map([...tools, ['systemctl', 'systemd 247']]) }), ['warning', /systemctl is of version 247/, /install systemd$/]);
    assertFinds(judgeVersions({ ...good, tools: new Map([...tools, ['nft', 'what?']]) }), ['warning', /nft is of version unknown/, /nftables/]);
  });
  test('each that is missing is told', () => {
    assertFinds(judgeVersions({ ...good, tools: new Map() }), ...TOOLS.map(({ name, package: from }) => ['error', new RegExp(`there is no ${name}$`), new RegExp(`install ${from}$`)] as const));
  });
  test('each that will not say is noted, and not taken to be missing', () => {
    assertFinds(judgeVersions({ ...good, tools: new Map([...tools, ['podman', '']]) }), ['info', /podman does not say its version/, /podman --version/]);
  });
  test('another system is noted', () => {
    assertFinds(judgeVersions({ ...good, os: { id: 'ubuntu', version: '24.04' } }), ['info', /this is ubuntu 24\.04/, /try/]);
    assertFinds(judgeVersions({ ...good, os: null }), ['info', /unknown system/, /try/]);
    assert.deepEqual(parseOsRelease('PRETTY_NAME="Debian"\nVERSION_ID="13"\nID=debian\n'), { id: 'debian', version: '13' });
    assert.equal(parseOsRelease(''), null);
  });
  test('are compared by their numbers', () => {
    for (const [version, least, older] of [['4.3', '4.3', false], ['4.10', '4.3', false], ['4', '4.3', true], ['5.12.0-x', '5.12', false], ['252.39', '252', false], ['', '1', true]] as const) {
      assert.equal(isOlder(version, least), older, `${version} ${least}`);
    }
  });
});

describe('the program', () => {
  const good = { missing: [], writable: null, installedMs: 1000, running: [{ unit: 'fc-proxy.service', sinceMs: 2000 }] };
  test('that is complete and runs is well', () => {
    assertFinds(judgeProgram(good));
    assertFinds(judgeProgram({ ...good, installedMs: null, running: [{ unit: 'fc-proxy.service', sinceMs: null }] }));
  });
  test('that lacks a file, is open to others or runs in an older version is told', () => {
    assertFinds(judgeProgram({ ...good, missing: ['/usr/bin/fc-sync'] }), ['error', /^\/usr\/bin\/fc-sync of the program/, /provision/]);
    assertFinds(judgeProgram({ ...good, missing: ['/a', '/b', '/c'] }), ['error', /^\/a and 2 other files/, /provision/]);
    assertFinds(judgeProgram({ ...good, writable: '/usr/lib/fastcontainer/dist/x.js' }), ['error', /others than root may change/, /-exec chmod go-w/]);
    assertFinds(judgeProgram({ ...good, running: [{ unit: 'fc-proxy.service', sinceMs: 500 }, { unit: 'fc-proxy@2.service', sinceMs: 999 }] }),
      ['warning', /^fc-proxy\.service, fc-proxy@2\.service began before/, /^systemctl restart fc-proxy\.service fc-proxy@2\.service$/]);
  });
  test('has the files that the checkout has', () => {
    const folder = (name: string): string[] => readdirSync(new URL(`../../../${name}`, import.meta.url)).sort();
    assert.deepEqual([...HELPERS].sort(), folder('units/libexec'));
    assert.deepEqual([...TEMPLATES].sort(), folder('templates'));
  });
});

describe('units', () => {
  const good: StaticUnit = { unit: 'fc-net@.service', path: '/usr/lib/systemd/system/fc-net@.service', sameText: true, needsReload: false, enabled: null, active: null };
  const judge = (unit: Partial<StaticUnit>, netTemplates: readonly string[] = []) => judgeUnits({ units: [{ ...good, ...unit }], netTemplates });
  test('as the program brought them are well', () => {
    assertFinds(judge({}));
    assertFinds(judge({ enabled: true, active: true }));
  });
  test('each that is not is told', () => {
    assertFinds(judge({ path: null }), ['error', /systemd knows no fc-net@\.service/, /^install -m 0644 \/usr\/lib\/fastcontainer\/units\/fc-net@\.service/]);
    assertFinds(judge({ sameText: false }), ['warning', /is not the one of this program/, /diff .*; install -m 0644 \/usr\/lib\/fastcontainer\/units\/fc-net@\.service \/usr\/lib\/systemd\/system\/fc-net@\.service && systemctl daemon-reload/]);
    assertFinds(judge({ path: '/etc/systemd/system/fc-net@.service', sameText: false }), ['warning', /^\/etc\/systemd\/system\/fc-net@\.service is not/, /; mv \/etc\/systemd\/system\/fc-net@\.service \/etc\/systemd\/system\/fc-net@\.service\.hidden && systemctl daemon-reload$/]);
    assertFinds(judge({ needsReload: true }), ['warning', /has changed since systemd read it/, /daemon-reload/]);
    assertFinds(judge({ enabled: false, active: true }), ['warning', /does not start with the host/, /^systemctl enable fc-net@\.service$/]);
    assertFinds(judge({ enabled: true, active: false }), ['error', /is not active/, /^systemctl start /]);
    assertFinds(judge({}, ['fc-net-0a@.service']), ['error', /1 names of fc-net@\.service are missing, fc-net-0a@/, /^cd \/usr\/lib\/systemd\/system && for digits/]);
  });
});

describe('the configuration', () => {
  const good = { file: '/etc/f.ini', there: true, proxy: [], sync: [], hasCmdb: true, password: null };
  test('that can be read is well', () => { assertFinds(judgeConfig(good)); });
  test('that cannot is told, line by line', () => {
    assertFinds(judgeConfig({ ...good, there: false }), ['error', /there is no \/etc\/f\.ini/, /provision/]);
    assertFinds(judgeConfig({ ...good, proxy: ['/etc/f.ini:3: [proxy] max: is not a key', '/etc/f.ini:4: x'] }), ['error', /:3:/, /mend it/], ['error', /:4:/, /mend it/]);
    assertFinds(judgeConfig({ ...good, hasCmdb: false }), ['info', /names no \[cmdb\] url/, /fc-sync-watch/]);
    assertFinds(judgeConfig({ ...good, sync: ['/etc/f.ini: bad'] }), ['error', /bad/, /mend/]);
    assertFinds(judgeConfig({ ...good, password: 'x: [cmdb] password_file: everyone on this host may read or write it: chmod 0600 /etc/pass word' }), ['error', /everyone/, /^chmod 0600 '\/etc\/pass word'$/]);
    assertFinds(judgeConfig({ ...good, password: 'x: is empty' }), ['error', /is empty/, /mend it/]);
  });
});

describe('the account', () => {
  const passwd = 'fc-proxy:x:994:994:FastContainer proxy:/:/usr/sbin/nologin';
  test('that systemd-sysusers makes is well', () => { assertFinds(judgeAccount({ passwd, groups: ['fc-proxy'] })); });
  test('that is missing, or is more than it should be, is told', () => {
    assertFinds(judgeAccount({ passwd: null, groups: [] }), ['error', /no user fc-proxy/, /systemd-sysusers/]);
    assertFinds(judgeAccount({ passwd: passwd.replace('994', '0'), groups: ['fc-proxy'] }), ['error', /is root/, /sysusers/]);
    assertFinds(judgeAccount({ passwd, groups: ['fc-proxy', 'adm', 'docker'] }), ['warning', /groups adm, docker/, /usermod --groups ''/]);
    assertFinds(judgeAccount({ passwd: passwd.replace('/usr/sbin/nologin', '/bin/sh'), groups: ['fc-proxy'] }), ['warning', /shell \/bin\/sh/, /nologin/]);
  });
});

describe('files', () => {
  const wanted = { path: '/etc/f/fleet-tokens', mode: 0o600, user: 'root', group: 'root', required: false };
  const actual = { mode: 0o600, user: 'root', group: 'root' };
  test('that are as they should be, or need not be there, are well', () => { assertFinds(judgeFiles([{ wanted, actual }, { wanted, actual: null }])); });
  test('with more or less rights, or of others, are told', () => {
    assertFinds(judgeFiles([{ wanted, actual: { ...actual, mode: 0o644 } }]), ['error', /has mode 0644, and should have 0600/, /^chown root:root \/etc\/f\/fleet-tokens && chmod 0600 \/etc\/f\/fleet-tokens$/]);
    assertFinds(judgeFiles([{ wanted, actual: { ...actual, mode: 0o400 } }]), ['warning', /has mode 0400/, /chmod 0600/]);
    assertFinds(judgeFiles([{ wanted, actual: { ...actual, group: 'fc-proxy' } }]), ['error', /belongs to root:fc-proxy/, /chown root:root/]);
    assertFinds(judgeFiles([{ wanted: { ...wanted, required: true }, actual: null }]), ['error', /is not there/, /systemd-tmpfiles --create/]);
  });
  test('come from what systemd-tmpfiles is told', () => {
    assert.deepEqual(parseTmpfiles('# no\nd /run/f 0755 root root -\nd /srv/f :0700 :root :root -\nf /x/db.sql 0600 root fc-proxy -\nL /y - - - - z\n').map(({ path, mode, group }) => [path, mode, group]), [['/run/f', 0o755, 'root'], ['/x/db.sql', 0o600, 'fc-proxy']]);
  });
});

describe('polkit', () => {
  const good = { rule: 'same', lease: 'Call failed: Unit fc-lease-99999999s@fc_doctor-00000000.timer not found.', other: 'Call failed: Access denied' } as const;
  test('that lets fc-proxy start leases and nothing else is well', () => {
    assertFinds(judgePolkit(good));
    assertFinds(judgePolkit({ rule: 'same', lease: null, other: null }));
  });
  test('that does not is told', () => {
    assertFinds(judgePolkit({ ...good, rule: 'missing', lease: 'Call failed: Access denied' }), ['error', /no rule/, /^install .*rules\.d\/50-fastcontainer\.rules$/]);
    assertFinds(judgePolkit({ ...good, rule: 'different' }), ['warning', /not the one of this program/, /^install /]);
    assertFinds(judgePolkit({ ...good, lease: 'Call failed: Interactive authentication required' }), ['error', /does not let the user fc-proxy start a lease: Call failed: Interactive/, /restart polkit/]);
    assertFinds(judgePolkit({ ...good, other: 'Call failed: Unit fc-doctor-nothing.service not found.' }), ['error', /start any unit/, /grep/]);
  });
});
