/** Each column of `apps`: what it takes and what it becomes, what it refuses and why. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { App } from '../../../src/model/app.ts';
import { POLICY, appOf, fleetOfApp } from '../../support/fleet.ts';

type Good = readonly [text: string | null, value: unknown];
type Bad = readonly [text: string | null, why: RegExp];
interface Case {
  readonly column: string;
  readonly field: keyof App;
  readonly good: readonly Good[];
  readonly bad: readonly Bad[];
  /** Columns that `column` needs beside it. */
  readonly beside?: Readonly<Record<string, string | null>>;
}

const long = (n: number): string => 'x'.repeat(n);
const integers = (min: number, max: number): { good: Good[]; bad: Bad[] } => ({
  good: [[String(min), min], [String(max), max]],
  bad: [[String(min - 1), /from/], [String(max + 1), /from/], ['', /from/], ['01', /from/], ['1e1', /from/], ['1.5', /from/], [' 5', /from/], ['5\n', /from/], ['0x10', /from/], ['９', /from/]],
});
const image = (text: string): Good => [text, { kind: 'image', image: text }];
const archive = (transport: string, path: string, root: string, tag: string | null): Good => [`${transport}:${path}${tag === null ? '' : `:${tag}`}`, { kind: 'archive', transport, path, root, tag }];
const rootfs = (path: string, root: string): Good => [path, { kind: 'rootfs', path, root }];
const DIGEST = `sha256:${'0a'.repeat(32)}`;

const CASES: readonly Case[] = [
  {
    column: 'name', field: 'name',
    good: [['a', 'a'], ['0', '0'], ['my-shop', 'my-shop'], [long(40), long(40)], ['a--b', 'a--b']],
    bad: [
      [null, /NULL/], ['', /a-z/], [long(41), /a-z/], ['-a', /a-z/], ['a-', /a-z/], ['A', /a-z/], ['a_b', /a-z/], ['a.b', /a-z/], ['a/b', /a-z/],
      ['..', /a-z/], ['a\n', /a-z/], ['a b', /a-z/], ['a%n', /a-z/], ['é', /a-z/], ['a\u0000', /a-z/],
    ],
  },
  {
    column: 'image', field: 'source',
    good: [
      image('nginx'), image('nginx:1.27'), image('docker.io/library/nginx:latest'), image('localhost/app'), image('registry.example.com:5000/team/app_x/y-z:V1.0_rc'),
      image(`reg/app@${DIGEST}`), image(`reg/app:1@${DIGEST}`), image('[2001:db8::1]:5000/app'), image('a__b/c---d.e'), image(DIGEST.slice(7)), image('oci-archive'), image('oci/x:1'),
      archive('oci-archive', '/srv/fc/app.tar', '/srv/fc', null), archive('oci-archive', "/mnt/shared/it's 5% $x.tar", '/mnt/shared', 'v1.2_x'),
      archive('docker-archive', '/srv/fc/a/b', '/srv/fc', 'registry.example.com:5000/a/b:1'),
    ],
    bad: [
      ['', /image reference/], ['-v', /image reference/], ['--privileged', /image reference/], ['Nginx', /image reference/], ['nginx latest', /image reference/],
      ['nginx:', /image reference/], ['nginx:-x', /image reference/], ['docker://nginx', /image reference/], ['oci:/srv/fc/x', /image reference/], ['dir:/srv/fc/x', /image reference/], ['containers-storage:x', /image reference/], ['dir:x', /image reference/], ['oci-archive:1', /start with/],
      ['oci-archive:/tmp/x', /archive.*not below/], ['oci-archive:/srv/fc', /not below/], ['oci-archive:/srv/fc/../x', /shortest/], ['oci-archive:x/y', /start with/], ['oci-archive:', /start with/],
      ['oci-archive:/srv/fc/x:', /in its archive/], ['oci-archive:/srv/fc/x:--option', /in its archive/], ['oci-archive:/srv/fc/x:a b', /in its archive/], ['oci-archive:/srv/fc/x:a"', /in its archive/],
      ['oci-archive:/srv/fc/x:a\n', /in its archive/], ['oci-archive:/srv/fc/x"', /character/], ['oci-archive:/srv/fc/x\ny', /character/], [`oci-archive:/srv/fc/x:${long(256)}`, /in its archive/],
      ['OCI-archive:/srv/fc/x', /image reference/], ['/abs', /image reference/],
      ['a//b', /image reference/], ['../x', /image reference/], ['a/../b', /image reference/], ['nginx\n--privileged', /image reference/], ['nginx:1\n', /image reference/], [`a@sha256:${long(3)}`, /image reference/],
      ['a@sha256:00', /image reference/], ['a$b', /image reference/], ['a%n', /image reference/], [`a:${long(129)}`, /image reference/], [long(256), /256 characters/], [long(100_000), /image reference/],
    ],
  },
  {
    column: 'rootfs', field: 'source', beside: { image: null, command: '["/bin/app"]' },
    good: [rootfs('/srv/fc/app', '/srv/fc'), rootfs('/mnt/shared/a/b c', '/mnt/shared'), rootfs("/srv/fc/%n$X;#'é😀", '/srv/fc'), rootfs('/srv/fc/..a', '/srv/fc')],
    bad: [
      ['', /start with/], ['srv/fc/app', /start with/], ['/srv/fc', /not below/], ['/srv/fc/', /shortest/], ['/srv/fcx/app', /not below/], ['/srv/fc/../x', /shortest/], ['/srv/fc/a/..', /shortest/],
      ['/srv/fc/./a', /shortest/], ['/srv/fc//a', /shortest/], ['/srv/fc/a/', /shortest/], ['/etc', /not below/], ['/', /not below/], ['/srv/fc/a:O', /":"/], ['/srv/fc/a,b', /","/],
      ['/srv/fc/a\\b', /character/], ['/srv/fc/a"b', /character/], ['/srv/fc/a\nb', /\\u\{a\}/], ['/srv/fc/a\u0000', /character/], ['/srv/fc/\u202etxt', /\\u\{202e\}/],
      [`/srv/fc/${long(256)}`, /component/], [`/srv/fc/${'x/'.repeat(600)}x`, /bytes/], ['/srv/fc/\ud800', /character/],
    ],
  },
  {
    column: 'command', field: 'command',
    good: [
      [null, null], ['["/bin/app"]', ['/bin/app']], ['["sh","-c","echo $X; \\"%n\\" \\\\ \\n"]', ['sh', '-c', 'echo $X; "%n" \\ \n']], ['["a",""]', ['a', '']], ['["-x"]', ['-x']],
      [JSON.stringify([long(131_071)]), [long(131_071)]],
    ],
    bad: [
      ['', /JSON/], ['sh -c x', /JSON/], ['{}', /array/], ['"sh"', /array/], ['null', /array/], ['[]', /empty/], ['[1]', /element 1/], ['["a",null]', /element 2/], ['["a",["b"]]', /element 2/],
      ['["a\\u0000"]', /NUL/], ['["a","\\ud800"]', /element 2.*surrogate/], ['[""]', /program/], [JSON.stringify([long(131_072)]), /bytes/],
    ],
  },
  { column: 'port', field: 'port', good: integers(1, 65_535).good, bad: [[null, /NULL/], ...integers(1, 65_535).bad] },
  {
    column: 'env', field: 'env',
    good: [
      [null, new Map()], ['{}', new Map()], ['{"b":"2","A":"1"}', new Map([['A', '1'], ['b', '2']])],
      ['{"N":8.10,"B":true,"F":false,"I":12345678901234567890,"E":-1e3}', new Map([['B', 'true'], ['E', '-1e3'], ['F', 'false'], ['I', '12345678901234567890'], ['N', '8.10']])],
      ['{"S":"1 true \\" 2","T":"null"}', new Map([['S', '1 true " 2'], ['T', 'null']])],
      ['{"X":"a\\nb\\r\\t\'\\"%n $HOME #;\\\\"}', new Map([['X', 'a\nb\r\t\'"%n $HOME #;\\']])], ['{"__proto__":"x","a.b-c":""}', new Map([['__proto__', 'x'], ['a.b-c', '']])],
    ],
    bad: [
      ['', /JSON/], ['[]', /object/], ['"x"', /object/], ['1', /object/], ['null', /object/], ['{"A":null}', /of A/], ['{"A":{}}', /of A/], ['{"A":["x"]}', /of A/], ['{"A B":"x"}', /name "A B"/],
      ['{"":"x"}', /name ""/], ['{"1A":"x"}', /name/], ['{"A=B":"x"}', /name/], ['{"A\\n":"x"}', /name "A\\u\{a\}"/], ['{"é":"x"}', /name/], ['{"A":"\\u0000"}', /of A.*NUL/], ['{"A":"\\udc00"}', /of A.*surrogate/],
      [JSON.stringify({ A: long(131_072) }), /bytes/], [`{"A":"${'\\\\'.repeat(500_000)}"}`, /bytes/], [`{"A":"${long(2 ** 20)}"}`, /JSON/], ['['.repeat(1_000_000), /JSON/],
    ],
  },
  {
    column: 'volumes', field: 'volumes',
    good: [
      [null, []], ['[]', []], ['["/srv/fc/a:/data"]', [{ host: '/srv/fc/a', root: '/srv/fc', container: '/data', readOnly: false }]],
      ['["/srv/fc/a:/data:ro","/mnt/shared/b c:/d e:rw"]', [{ host: '/srv/fc/a', root: '/srv/fc', container: '/data', readOnly: true }, { host: '/mnt/shared/b c', root: '/mnt/shared', container: '/d e', readOnly: false }]],
      ['["/srv/fc/a:/device"]', [{ host: '/srv/fc/a', root: '/srv/fc', container: '/device', readOnly: false }]],
    ],
    bad: [
      ['', /JSON/], ['{}', /array/], ['[1]', /element 1/], ['["/srv/fc/a"]', /host:container/], ['["/srv/fc/a:/b:ro:x"]', /host:container/], ['["/srv/fc/a:/b:Z"]', /mode/], ['["/srv/fc/a:/b:"]', /mode/],
      ['["data:/b"]', /start with/], ['["/etc:/b"]', /not below/], ['["/srv/fc:/b"]', /not below/], ['["/srv/fc/../etc:/b"]', /shortest/], ['["/srv/fc/a:b"]', /start with/], ['["/srv/fc/a:/"]', /at \//],
      ['["/srv/fc/a:/proc"]', /\/proc/], ['["/srv/fc/a:/sys/fs"]', /\/sys/], ['["/srv/fc/a:/dev/shm"]', /\/dev/], ['["/srv/fc/a:/x/../proc"]', /shortest/], ['["/srv/fc/a:/b,c"]', /","/],
      ['["/srv/fc/a\\n:/b"]', /character/], ['["/srv/fc/a:/b\\u0000"]', /character/], ['["/srv/fc/a:/b","/srv/fc/c:/b:ro"]', /two volumes/],
      [JSON.stringify(Array.from({ length: 65 }, (_, i) => `/srv/fc/a:/v${i}`)), /65 volumes/],
    ],
  },
  { column: 'network', field: 'network', good: [['egress', 'egress'], ['private', 'private'], ['host', 'host']], bad: [[null, /NULL/], ['', /private/], ['Host', /private/], ['none', /private/], ['ns:/proc/1/ns/net', /private/]] },
  {
    column: 'memory_max', field: 'memoryMax',
    good: [[null, null], ['infinity', null], ['4M', '4M'], ['512m', '512M'], ['4096K', '4096K'], ['1T', '1T'], ['4194304', '4194304'], ['1024T', '1024T']],
    bad: [['', /size/], ['0', /size/], ['4194303', /size/], ['3M', /size/], ['1.5G', /size/], ['512MB', /size/], ['512 M', /size/], ['50%', /size/], ['-1', /size/], ['1025T', /size/], ['1P', /size/], ['4M\nExecStart=x', /size/], ['M', /size/]],
  },
  {
    column: 'cpu_quota', field: 'cpuQuota',
    good: [[null, null], ['50%', '50%'], ['50', '50%'], ['1', '1%'], ['100000%', '100000%']],
    bad: [['', /per cent/], ['0%', /per cent/], ['100001', /per cent/], ['50%%', /per cent/], ['1.5', /per cent/], ['infinity', /per cent/], ['-5', /per cent/], ['5 %', /per cent/]],
  },
  { column: 'tasks_max', field: 'tasksMax', good: [[null, null], ...integers(1, 4_194_304).good], bad: integers(1, 4_194_304).bad },
  { column: 'idle_timeout_s', field: 'idleTimeoutS', good: [[null, null], ...integers(1, 31_536_000).good], bad: integers(1, 31_536_000).bad },
  { column: 'lifetime_s', field: 'lifetimeS', good: [[null, null], ...integers(10, 31_536_000).good], bad: integers(10, 31_536_000).bad },
  { column: 'start_timeout_s', field: 'startTimeoutS', good: integers(1, 3600).good, bad: [[null, /NULL/], ...integers(1, 3600).bad] },
  { column: 'stop_timeout_s', field: 'stopTimeoutS', good: integers(0, 3600).good, bad: [[null, /NULL/], ...integers(0, 3600).bad] },
  {
    column: 'ready_path', field: 'readyPath',
    good: [[null, null], ['/', '/'], ['/healthz?x=%20&y="\'$;~', '/healthz?x=%20&y="\'$;~'], [`/${long(1023)}`, `/${long(1023)}`]],
    bad: [['', /path/], ['healthz', /path/], ['/a b', /path/], ['/a#b', /path/], ['/é', /path/], ['/a\r\nHost: x', /path/], ['/a\u007f', /path/], ['http://x/', /path/], [`/${long(1024)}`, /characters/]],
  },
  { column: 'waiting_page', field: 'waitingPageS', good: [[null, null], ...integers(0, 60).good], bad: integers(0, 60).bad },
  { column: 'socket', field: 'socket', good: [['0', false], ['1', true]], bad: [[null, /NULL/], ['', /0 or 1/], ['2', /0 or 1/], ['true', /0 or 1/]] },
  {
    column: 'uid_base', field: 'uidBase', good: [['524288', 524_288], ['600309760', 600_309_760], ['1878982656', 1_878_982_656]],
    bad: [[null, /NULL/], ['', /multiple/], ['0', /multiple/], ['65536', /multiple/], ['458752', /multiple/], ['524289', /multiple/], ['1879048192', /multiple/], ['-524288', /multiple/], ['0524288', /multiple/], ['524288.0', /multiple/], ['524288\n', /multiple/], ['5242880000000', /multiple/]],
  },
];

for (const { column, field, good, bad, beside } of CASES) {
  describe(`apps.${column}`, () => {
    for (const [text, value] of good) {
      it(`takes ${show(text)}`, () => {
        assert.deepEqual(appOf({ ...beside, [column]: text })[field], value);
      });
    }
    for (const [text, why] of bad) {
      it(`refuses ${show(text)}`, () => {
        const fleet = fleetOfApp({ ...beside, [column]: text });
        assert.deepEqual(fleet.apps, []);
        assert.equal(fleet.rejections.length, 1, JSON.stringify(fleet.rejections));
        const [rejection] = fleet.rejections;
        assert.equal(rejection?.table, 'apps');
        assert.equal(rejection.column, column);
        assert.match(rejection.why, why);
        assert.equal(rejection.app, column === 'name' ? null : 'shop');
      });
    }
  });
}

describe('apps', () => {
  it('has sensible defaults for all but name, image, port and what the database gives', () => {
    assert.deepEqual(appOf({}), {
      name: 'shop', source: { kind: 'image', image: 'registry.example.com/shop:1' }, command: null, port: 8080, env: new Map(), volumes: [],
      network: 'egress', memoryMax: '512M', cpuQuota: null, tasksMax: 512, idleTimeoutS: 300, lifetimeS: null, startTimeoutS: 30, stopTimeoutS: 10,
      readyPath: null, socket: false, waitingPageS: null, uidBase: 600_309_760, domains: [], placements: [],
    });
  });

  const rules: readonly (readonly [string, Readonly<Record<string, string | null>>, string])[] = [
    ['image and rootfs', { rootfs: '/srv/fc/a', command: '["/x"]' }, 'rootfs'],
    ['neither image nor rootfs', { image: null }, 'image'],
    ['a rootfs without a command', { image: null, rootfs: '/srv/fc/a' }, 'command'],
  ];
  for (const [what, columns, column] of rules) {
    it(`refuses ${what}`, () => {
      const fleet = fleetOfApp(columns);
      assert.deepEqual(fleet.apps, []);
      assert.deepEqual(fleet.rejections.map((r) => [r.table, r.key, r.column, r.app]), [['apps', 'shop', column, 'shop']]);
    });
  }

  it('names the setting that would allow the host network', () => {
    const fleet = fleetOfApp({ network: 'host' }, { ...POLICY, allowHostNetwork: false });
    assert.deepEqual(fleet.apps, []);
    assert.match(fleet.rejections[0]?.why ?? '', /\[network\] allow_host/);
  });

  it('takes the innermost of nested roots', () => {
    const policy = { ...POLICY, volumeRoots: ['/srv', '/srv/fc/inner', '/srv/fc'] };
    assert.equal(appOf({ volumes: '["/srv/fc/inner/a:/a"]' }, {}, policy).volumes[0]?.root, '/srv/fc/inner');
  });

  it('refuses every volume where no root is configured', () => {
    const fleet = fleetOfApp({ volumes: '["/srv/fc/a:/a"]' }, { ...POLICY, volumeRoots: [] });
    assert.match(fleet.rejections[0]?.why ?? '', /allows none/);
  });

  it('reports every bad column of a row', () => {
    const fleet = fleetOfApp({ port: 'x', env: '[', stop_timeout_s: '-1' });
    assert.deepEqual(fleet.rejections.map((r) => r.column), ['env', 'port', 'stop_timeout_s']);
  });

  it('never repeats a value of the environment', () => {
    for (const env of ['{"A":"hunter2"', '{"A":["hunter2"]}', '{"A":"hunter2\\u0000"}', '"hunter2"', '["hunter2"]', JSON.stringify({ A: 'hunter2'.repeat(20_000) })]) {
      const fleet = fleetOfApp({ env });
      assert.equal(fleet.rejections.length, 1);
      assert.doesNotMatch(JSON.stringify(fleet.rejections), /hunter2/);
    }
  });
});

function show(text: string | null): string {
  const shown = JSON.stringify(text);
  return shown.length > 60 ? `${shown.slice(0, 60)}… (${shown.length})` : shown;
}
