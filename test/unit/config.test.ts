import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'ini';
import { addressText } from '../../src/config/cmdb-address.ts';
import { loadConfig, parseConfig, type Config } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/error.ts';
import { KEYS, type Program } from '../../src/config/keys.ts';
import { readPassword } from '../../src/config/password.ts';
import { scan } from '../../src/config/scan.ts';

const URL = 'mysql://fc@db1/fastcontainer';
const LEAST = `[host]\nname = web1\n[cmdb]\nurl = ${URL}\n`;

function read(text: string, program: Program = 'fc-sync'): Config {
  return parseConfig(text, 'f.ini', program);
}

/** The problems of a text that must have some, each as `line: what: why`. */
function problems(text: string, program: Program = 'fc-sync'): string[] {
  try {
    read(text, program);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ line, what, why }) => `${line ?? '-'}: ${what}: ${why}`);
  }
  return assert.fail(`accepted: ${text}`);
}

/** LEAST with one more key. */
function withKey(section: string, line: string): string {
  return section === 'cmdb' || section === 'host' ? LEAST.replace(`[${section}]`, `[${section}]\n${line}`) : `${LEAST}[${section}]\n${line}\n`;
}

describe('configuration: what is read', () => {
  it('needs two keys, and has a default for all others', () => {
    assert.deepEqual(read(LEAST), {
      host: { name: 'web1', deepSleepS: 86_400 },
      cmdb: { addresses: [{ host: 'db1', port: 3306, socketPath: null, user: 'fc', database: 'fastcontainer' }], passwordFile: null },
      proxy: { processes: 1, maxStarts: 4, maxWaiting: 1024, trustedProxies: [], drainTimeoutS: 3600 },
      fleet: { tls: null },
      admin: { names: [] },
      volumes: { roots: ['/srv/fastcontainer'] },
      network: { range: { address: '10.197.0.0', prefix: 16, family: 'ipv4' }, allowHost: false },
      podman: { cgroups: 'disabled' },
    });
  });

  it('takes every key, with comments, quotes, blanks, CRLF and a byte order mark', () => {
    const text = [
      '\uFEFF; a comment', '[host]', 'name="web-1.example.com"', 'deep_sleep_s = never', '', '[cmdb]',
      "url = mysql://fc@[::1]:3307/cmdb, mysql://a%40b@localhost/cmdb?socketPath=/run/mysqld/mysqld.sock ; two of them",
      '  password_file = /etc/fastcontainer/cmdb.password # secret',
      '[proxy]', 'processes = auto', 'max_starts=8', 'max_waiting = 2', 'trusted_proxies = 10.0.0.7, 192.168.0.0/16, 2001:db8::/32', 'drain_timeout_s = 5',
      '[fleet]', 'tls_certificate = /etc/a.pem', 'tls_key = /etc/k.pem', 'tls_ca = /etc/ca.pem',
      '[admin]', 'names = status.example, Web1-Admin',
      '[volumes]', 'roots = /srv/a, /srv/b', '[network]', 'range = 172.16.0.0/12', 'allow_host = true',
      '[podman]', "cgroups = 'split'",
    ].join('\r\n');
    assert.deepEqual(read(text), {
      host: { name: 'web-1.example.com', deepSleepS: null },
      cmdb: {
        addresses: [
          { host: '::1', port: 3307, socketPath: null, user: 'fc', database: 'cmdb' },
          { host: 'localhost', port: 3306, socketPath: '/run/mysqld/mysqld.sock', user: 'a@b', database: 'cmdb' },
        ],
        passwordFile: '/etc/fastcontainer/cmdb.password',
      },
      proxy: {
        processes: 'auto', maxStarts: 8, maxWaiting: 2, drainTimeoutS: 5,
        trustedProxies: [
          { address: '10.0.0.7', prefix: 32, family: 'ipv4' },
          { address: '192.168.0.0', prefix: 16, family: 'ipv4' },
          { address: '2001:db8::', prefix: 32, family: 'ipv6' },
        ],
      },
      fleet: { tls: { certificate: '/etc/a.pem', key: '/etc/k.pem', ca: '/etc/ca.pem' } },
      admin: { names: ['status.example', 'web1-admin'] },
      volumes: { roots: ['/srv/a', '/srv/b'] },
      network: { range: { address: '172.16.0.0', prefix: 12, family: 'ipv4' }, allowHost: true },
      podman: { cgroups: 'split' },
    });
  });

  it('asks fc-proxy for no database', () => {
    assert.deepEqual(read('[host]\nname=web1\n', 'fc-proxy').cmdb, { addresses: [], passwordFile: null });
    assert.deepEqual(problems('[host]\nname=web1\n', 'fc-sync').map((text) => text.slice(0, 27)), ['-: [cmdb] url: is required:']);
    assert.match(problems('', 'fc-proxy').join('\n'), /^-: \[host\] name: is required: [^\n]*$/);
  });

  it('takes an empty optional value for none', () => {
    const config = read(`${withKey('cmdb', 'password_file =')}[proxy]\ntrusted_proxies = ; nobody\n`);
    assert.equal(config.cmdb.passwordFile, null);
    assert.deepEqual(config.proxy.trustedProxies, []);
  });

  it('takes TLS between hosts whole, or not at all', () => {
    assert.deepEqual(read(withKey('fleet', 'tls_certificate = /c\ntls_key = /k')).fleet.tls, { certificate: '/c', key: '/k', ca: null });
    const missing = (line: string): string[] => problems(withKey('fleet', line)).map((text) => /^-: \[fleet\] (\w+): is missing/.exec(text)?.[1] ?? text);
    assert.deepEqual(missing('tls_certificate = /c'), ['tls_key']);
    assert.deepEqual(missing('tls_key = /k'), ['tls_certificate']);
    assert.deepEqual(missing('tls_ca = /a'), ['tls_certificate', 'tls_key']);
  });

  it('names an address without saying more than it must', () => {
    const [tcp, unix] = read(withKey('host', '').replace(URL, 'mysql://fc@[::1]/a,mysql://fc@h/a?socketPath=/s')).cmdb.addresses;
    assert.ok(tcp !== undefined && unix !== undefined);
    assert.equal(addressText(tcp), 'fc@[::1]:3306/a');
    assert.equal(addressText(unix), 'fc@/s/a');
  });

  it('has, for every key, a default that is itself accepted', () => {
    for (const key of KEYS) {
      assert.ok(key.doc !== '' && key.type !== '', `${key.section}.${key.key} is documented`);
      if (!key.requiredFor.includes('fc-proxy')) assert.doesNotThrow(() => key.parse(key.default), `${key.section}.${key.key}`);
    }
  });
});

describe('configuration: what is refused', () => {
  const bad: readonly (readonly [section: string, line: string, why: RegExp])[] = [
    ['host', 'nam = x', /\[host\] nam: is not a key: those of this section are name, deep_sleep_s$/],
    ['host', 'deep_sleep_s = 0', /is "0", not a whole number from 1 to 31536000/],
    ['host', 'deep_sleep_s = Never', /is "Never", not a whole number/],
    ['proxy', 'max_starts = 0', /max_starts: is "0", not a whole number from 1 to 1000/],
    ['proxy', 'max_starts = 4.5', /not a whole number/],
    ['proxy', 'max_starts = 0x10', /not a whole number/],
    ['proxy', 'max_waiting = many', /is "many", not a whole number/],
    ['proxy', 'max_waiting', /has no value: write key = value/],
    ['proxy', 'drain_timeout_s =', /is "", not a whole number/],
    ['proxy', 'trusted_proxies = 10.0.0.0/33', /no prefix length from 0 to 32/],
    ['proxy', 'trusted_proxies = ::1/129', /no prefix length from 0 to 128/],
    ['proxy', 'trusted_proxies = 1.2.3.4, proxy.example.com', /\(item 2 of 2\) is "proxy.example.com", not an IP address/],
    ['proxy', 'trusted_proxies = fe80::1%eth0', /not an IP address/],
    ['proxy', 'trusted_proxies = 1.2.3.4,', /an empty item/],
    ['proxy', 'trusted_proxies[] = 1.2.3.4', /trusted_proxies\[\]: is not a key/],
    ['proxy', '__proto__ = 1', /__proto__: is not a key/],
    ['volumes', 'roots = /', /every file of the host/],
    ['volumes', 'roots = srv', /does not start with \//],
    ['volumes', 'roots = /srv/../etc', /shortest form/],
    ['volumes', 'roots = /srv/', /shortest form/],
    ['network', 'range = 10.197.0.0', /with a prefix length from 8 to 30/],
    ['network', 'range = 10.0.0.0/7', /with a prefix length from 8 to 30/],
    ['network', 'range = 10.0.0.0/31', /with a prefix length from 8 to 30/],
    ['network', 'range = fd00::/16', /not an IPv4 network/],
    ['network', 'range = 10.197.3.0/16', /write 10\.197\.0\.0\/16/],
    ['network', 'range = 223.255.255.255/30', /write 223\.255\.255\.252\/30/],
    ['network', 'allow_host = maybe', /neither yes nor no/],
    ['network', 'egress_deny = 10.0.0.0/8, db1', /\(item 2 of 2\) is "db1", not an IP address or network/],
    ['network', 'nameservers = 192.0.2.53/24', /not an IP address/],
    ['network', 'nameservers = 192.0.2.53, 127.0.0.53', /the host itself, which apps do not reach/],
    ['podman', 'cgroups = enabled', /is "enabled", not one of disabled, split/],
    ['podman', "cgroups = '[1]'", /not one of disabled, split/],
    ['cmdb', 'password_file = cmdb.password', /does not start with \//],
    ['cmdb', 'password_file = /etc/a;b', /is cut off at its ";": write \\;/],
    ['cmdb', 'password_file = /etc/a#b', /is cut off at its "#"/],
    ['cmdb', 'password_file = "/etc/a" ; the file', /is not well quoted/],
    ['cmdb', 'password_file = "', /is not well quoted/],
    ['strange', 'key = 1', /\[strange\]: is not a section: those are host, cmdb, proxy, fleet, admin, volumes, network, podman$/],
    ['host.cmdb', 'url = 1', /\[host\.cmdb\]: is not a section/],
    ['__proto__', 'name = 1', /\[__proto__\]: is not a section/],
    ['proxy] ; tuned', 'max_starts = 1', /a section begins at the start of its line/],
    ['proxy', '= 1', /is not of the form key = value/],
  ];
  for (const [section, line, why] of bad) {
    it(`[${section}] ${line}`, () => {
      const found = problems(section.startsWith('proxy]') ? `${LEAST}[${section}\n${line}\n` : withKey(section, line));
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0] ?? '', why);
      assert.match(found[0] ?? '', /^[1-9]/, 'names the line');
    });
  }

  const urls: readonly (readonly [url: string, why: RegExp])[] = [
    ['mysql://fc:geheim@db1/x', /has a password in it.*password_file$/],
    ['mysql://:geheim@db1/x', /has a password in it/],
    ['mysql://db1/x', /names no user/],
    ['mysql://fc@db1', /names no database/],
    ['mysql://fc@db1/', /names no database/],
    ['mysql://fc@db1/a/b', /names no database/],
    ['mysql:///x', /names no user/],
    ['mysql://fc@db 1/x', /is not a URL/],
    ['mysql://fc@db1:99999/x', /is not a URL/],
    ['mysql://f%zzgeheim@db1/x', /bad %-escape/],
    ['mysql://fc@db1/x?ssl=1', /unknown option ssl/],
    ['mysql://fc@db1/x?socketPath=run/s', /does not start with/],
    ['mysql://fc@db1/x?socketPath=/a&socketPath=/b', /more than one socketPath/],
    ['mysql://fc@db1/x\\#geheim', /has a # in it/],
    ['postgres://fc:geheim@db1/x', /begins with postgres:, not mysql:/],
    ['db1', /is not a URL/],
  ];
  for (const [url, why] of urls) {
    it(`url = ${url}, and does not repeat it`, () => {
      const found = problems(LEAST.replace(URL, url));
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0] ?? '', why);
      assert.ok(!found.join('\n').includes('geheim'));
    });
  }

  it('a key set twice, also in two parts of a section', () => {
    assert.deepEqual(problems(`${LEAST}[proxy]\nmax_starts=1\n[host]\n[proxy]\nmax_starts=2\n`), ['9: [proxy] max_starts: is set already in line 6']);
  });

  it('everything at once, in the order of the lines', () => {
    const found = problems('lost = 1\n[hots]\nname = web1\n[proxy]\nmax_starts = x\nmax_starts = 0\nno\n[cmdb]\nurl = nonsense');
    assert.deepEqual(found.map((text) => text.slice(0, 24)), [
      '1: lost: stands before t', '2: [hots]: is not a sect', '5: [proxy] max_starts: i', '6: [proxy] max_starts: i',
      '6: [proxy] max_starts: i', '7: [proxy] no: has no va', '9: [cmdb] url: is not a ', '-: [host] name: is requi',
    ]);
  });

  it('says file, line, key and reason in the message', () => {
    assert.throws(() => read(withKey('podman', 'cgroups = x')), { name: 'ConfigError', message: 'f.ini:6: [podman] cgroups: is "x", not one of disabled, split' });
  });

  it('a file that is not there', () => {
    assert.throws(() => loadConfig('/nonexistent/f.ini', 'fc-sync'), { name: 'ConfigError', message: /^\/nonexistent\/f\.ini: cannot be read: ENOENT/ });
  });
});

describe('configuration: agreement with ini', () => {
  it('whatever is accepted without a problem, ini reads the same', () => {
    const line = fc.oneof(
      fc.constantFrom('[a]', '[b]', ' [a]', '[a] x', '; x', '', '=', 'k'),
      fc.tuple(fc.constantFrom('k', ' k ', 'l', '"k"', 'a.b', 'k[]'), fc.string({ unit: fc.constantFrom(...`a1 ;#\\"'=[]{},.:/\t`), maxLength: 8 })).map(([key, value]) => `${key}=${value}`),
    );
    fc.assert(fc.property(fc.array(line, { maxLength: 5 }), fc.constantFrom('\n', '\r\n', '\r'), (lines, newline) => {
      const { settings, problems: lost } = scan(['[a]', ...lines].join(newline));
      fc.pre(lost.length === 0 && settings.every(({ key }) => !key.endsWith('[]')));
      const seen = new Map<string, Map<string, string>>();
      for (const { section, key, text } of settings) seen.set(section, new Map(seen.get(section)).set(key, text));
      const theirs: Record<string, Record<string, unknown>> = parse(['[a]', ...lines].join(newline));
      for (const [section, keys] of Object.entries(theirs)) {
        const texts = Object.entries(keys).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const);
        assert.deepEqual(new Map(texts), seen.get(section) ?? new Map());
      }
    }), { numRuns: 500 });
  });
});

describe('password file', () => {
  let folder = '';
  before(() => { folder = mkdtempSync(join(tmpdir(), 'fc-password-')); });
  after(() => { rmSync(folder, { recursive: true }); });
  const file = (text: string, mode: number): string => {
    const path = join(folder, 'password');
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };

  it('is its text without the last newline', () => {
    assert.equal(readPassword(file('ge heim;#\n', 0o600)), 'ge heim;#');
    assert.equal(readPassword(file('geheim', 0o640)), 'geheim');
  });

  it('is refused when it says too little, too much, or to too many', () => {
    assert.throws(() => readPassword(join(folder, 'none')), { name: 'ConfigError', message: /password_file: cannot be read: ENOENT/ });
    assert.throws(() => readPassword(folder), { name: 'ConfigError', message: /cannot be read: EISDIR/ });
    assert.throws(() => readPassword(file('geheim\n', 0o644)), { name: 'ConfigError', message: /everyone on this host may read.*chmod 0600/ });
    assert.throws(() => readPassword(file('\n', 0o600)), { name: 'ConfigError', message: /is empty/ });
    assert.throws(() => readPassword(file('geheim\nx\n', 0o600)), (error: unknown) =>
      error instanceof ConfigError && /more than one line/.test(error.message) && !error.message.includes('geheim'));
  });
});
