/** fc-doctor on a booted host: quiet when all is well; what is broken is found, and its remedy, run as it stands there, mends it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Finding } from '../../src/doctor/finding.ts';
import type { JsonReport } from '../../src/doctor/report.ts';
import { bootHost, insertApp, TEST_COMMAND, TEST_IMAGE, type TestHost } from '../support/host.ts';

type Found = JsonReport['findings'][number];

/** What a test host lacks by its nature: it is a container without controllers, whose clock is its machine's, and whose journal is not kept. */
const BY_NATURE: readonly [check: string, seen: RegExp][] = [
  ['cgroups', /^the cgroup controller (memory|cpu|pids) is not available here$/],
  ['clock', /^this host's clock is not synchronized$/],
  ['journal', /^the journal is gone after a reboot$/],
];

/** What is broken on purpose: how, and what is to be found then. */
interface Break {
  readonly how: string;
  readonly finds: readonly [check: string, severity: Finding['severity'], seen: RegExp][];
}

let host: TestHost;

async function doctor(...args: readonly string[]): Promise<{ readonly code: number; readonly report: JsonReport; readonly found: readonly Found[] }> {
  const { code, stdout, stderr } = await host.exec('fc-doctor', '--json', ...args);
  assert.equal(stderr, '');
  const report = JSON.parse(stdout) as JsonReport;
  return { code, report, found: report.findings.filter(({ check, seen }) => !BY_NATURE.some(([id, pattern]) => id === check && pattern.test(seen))) };
}

/** All that was broken is found, and nothing else; what can be pasted is, and then all is well again. */
async function mends(breaks: readonly Break[]): Promise<void> {
  await host.ok(breaks.map(({ how }) => how).join('\n'));
  const expected = breaks.flatMap(({ finds }) => finds);
  const { found } = await doctor();
  const left = [...found];
  for (const [check, severity, seen] of expected) {
    const at = left.findIndex((finding) => finding.check === check && finding.severity === severity && seen.test(finding.seen));
    assert.notEqual(at, -1, `nothing says ${severity} ${check} ${String(seen)}:\n${texts(found)}`);
    left.splice(at, 1);
  }
  assert.deepEqual(left, [], 'more is found than was broken');
  for (const { remedy: { kind, text } } of found) {
    assert.notEqual(kind, 'advice', text);
    if (kind === 'sql') await host.sql(text);
    else {
      const { code, stdout, stderr } = await host.sh(text);
      assert.equal(code, 0, `${text}\n${stdout}${stderr}`);
    }
  }
  const again = await doctor();
  assert.deepEqual(again.found, [], texts(again.found));
  assert.equal(again.code, 0);
}

async function answers(app: string, wanted: number, what: string): Promise<void> {
  await host.until(async () => {
    const { status } = await host.request(`${app}.test`, '/');
    return status === wanted ? true : `the answer is ${status}`;
  }, { timeoutMs: 30_000, what });
}

function texts(found: readonly Found[]): string {
  return found.map(({ check, severity, seen, remedy }) => `${severity} ${check}: ${seen} [${remedy.text}]`).join('\n');
}

before(async () => {
  host = await bootHost('doctor', { sync: 'watch' });
  await host.ok(`
    systemctl start fc-seccomp.service
    mkdir -p /srv/fastcontainer/images && skopeo copy --quiet containers-storage:${TEST_IMAGE} oci-archive:/srv/fastcontainer/images/shop.tar
    (umask 077; openssl rand -hex 32 >/etc/fastcontainer/fleet-tokens)
    systemctl restart fc-proxy`);
});
after(() => host.kill());

describe('fc-doctor', () => {
  test('finds a host without its row, and says the row', async () => {
    await mends([{ how: `mariadb fastcontainer -e "DELETE FROM hosts"`, finds: [['host-row', 'error', /no row of this host, 'web1'/]] }]);
    assert.deepEqual(await host.sql('SELECT name, address FROM hosts'), [['web1', host.address]]);
  });

  test('finds nothing on a host that serves, and changes nothing', async () => {
    await host.sql(insertApp('shop', ['web1'], { image: 'oci-archive:/srv/fastcontainer/images/shop.tar', command: TEST_COMMAND, env: { KEY: 'a\nb' }, volumes: ['/srv/fastcontainer/shop:/data'] }));
    await host.sql("UPDATE placements SET listen_port = 2525 WHERE app = 'shop'");
    await answers('shop', 200, 'the app serves');
    // But for what fc-admin and fc-sync write from time to time, whoever looks.
    const look = 'find /etc /var/lib/fastcontainer /run/fastcontainer /run/netns \\( -path /var/lib/fastcontainer/admin -o -name report.json -o -name settled.json \\) -prune -o ! -path /var/lib/fastcontainer -printf "%p %m %u %C@\\n" | sort; nft list ruleset; systemctl list-units --all --plain --no-legend "fc-*" | sort';
    const as = await host.ok(look);
    const { code, stdout, stderr } = await host.exec('fc-doctor', '--verbose');
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /\n {2}firewall: the wall[^\n]*\n/);
    const { report, found } = await doctor();
    assert.deepEqual(found, [], texts(found));
    assert.deepEqual(report.checks.filter(({ looked }) => !looked), []);
    assert.equal(await host.ok(look), as);
  });

  test('finds what is broken of the program and its rights, and the remedies mend it', async () => {
    await mends([
      { how: 'chmod 0666 /etc/fastcontainer/fastcontainer.ini', finds: [['files', 'error', /fastcontainer\.ini has mode 0666, and should have 0640/]] },
      { how: 'chown fc-proxy /var/lib/fastcontainer/snapshot.json', finds: [['files', 'error', /snapshot\.json belongs to fc-proxy:fc-proxy/]] },
      { how: 'mv /usr/share/polkit-1/rules.d/50-fastcontainer.rules /root/', finds: [['polkit', 'error', /no rule for fc-proxy/]] },
      { how: 'chmod o+w /usr/lib/fastcontainer/libexec/fc-run', finds: [['program', 'error', /others than root may change .*fc-run/]] },
      { how: 'cp /usr/lib/systemd/system/fc-sync.timer /etc/systemd/system/; echo "# mine" >>/etc/systemd/system/fc-sync.timer; systemctl daemon-reload', finds: [['units', 'warning', /^\/etc\/systemd\/system\/fc-sync\.timer is not the one/]] },
      { how: 'systemctl disable --quiet --now fc-egress.path', finds: [['units', 'warning', /fc-egress\.path does not start with the host/], ['units', 'error', /fc-egress\.path is not active/]] },
      { how: 'usermod --append --groups adm fc-proxy', finds: [['account', 'warning', /in the groups adm, too/]] },
      { how: 'echo short >>/etc/fastcontainer/fleet-tokens', finds: [['tokens', 'error', /line 2 is no token/]] },
      { how: `printf '[Service]\\nLimitNOFILE=512\\n' >/etc/systemd/system/fc-proxy.service.d/zlow.conf; systemctl daemon-reload; systemctl restart fc-proxy`, finds: [['descriptors', 'warning', /fc-proxy may have 512 descriptors open/]] },
      { how: 'systemctl disable --quiet --now fc-sync-watch', finds: [['sync', 'warning', /neither fc-sync-watch/]] },
      { how: "mariadb -e \"GRANT INSERT, DELETE ON fastcontainer.* TO fc@localhost\"", finds: [['cmdb', 'warning', /may INSERT, DELETE on/]] },
      { how: `mariadb fastcontainer -e "UPDATE hosts SET address = '192.0.2.99', state = 'draining'"`, finds: [['host-row', 'warning', /192\.0\.2\.99, is none of this host's/], ['host-row', 'info', /is draining/]] },
    ]);
    // Allowed again, as an app that is asked for shows.
    assert.equal((await host.request('shop.test', '/')).status, 200);
  });

  test('finds what is broken of what runs, and the remedies mend it', async () => {
    const gone = 'fc-gone-1a2b3c4d';
    await host.sql(insertApp('bad', ['web1'], { command: ['/bin/false'], start_timeout_s: 5 }));
    await answers('bad', 502, 'the app does not start');
    await host.sql(`${insertApp('left', ['web1'])}; DELETE FROM apps WHERE name = 'left'`);
    await answers('left', 404, 'the app is gone');
    await mends([
      { how: '', finds: [['failed', 'warning', /container of bad has failed/], ['uid-ranges', 'info', /app 'left' is gone/]] },
      { how: 'nft flush ruleset', finds: [['firewall', 'error', /rules of fc-firewall are gone/]] },
      { how: 'for pref in 7780 7784; do ip rule delete pref $pref; done', finds: [['firewall', 'error', /preferences 7780, 7784/]] },
      { how: `ip netns add ${gone}`, finds: [['leftovers', 'warning', /namespace fc-gone-1a2b3c4d belongs to no app/]] },
      { how: `podman create --quiet --name ${gone} --cgroups=disabled --network=host ${TEST_IMAGE} >/dev/null; printf x | podman secret create ${gone}-0 - >/dev/null`, finds: [['leftovers', 'warning', /container fc-gone/], ['leftovers', 'warning', /secrets of apps that do not run: fc-gone-1a2b3c4d-0/]] },
      { how: '(umask 077; echo A=b >/var/lib/fastcontainer/env/gone-1a2b3c4d)', finds: [['leftovers', 'warning', /env\/gone-1a2b3c4d belongs to no app/]] },
      { how: `systemctl stop fc-port@2525.socket; systemd-run --quiet --unit=thief systemd-socket-activate --listen=2525 /bin/cat
          until [ -n "$(ss -Htln 'sport = :2525')" ]; do :; done`, finds: [['ports', 'error', /^port 2525, which fc-port@2525\.socket is for, is taken by systemd-socket-? \(pid \d+ of thief\.service\)/]] },
      { how: `systemctl stop 'fc-lease-*@shop-*.timer'; until ! systemctl is-active --quiet 'fc-ctr-shop-*'; do :; done
          podman rmi $(sed -n 1p $(grep -lx oci-archive:/srv/fastcontainer/images/shop.tar /var/lib/fastcontainer/image/*)) >/dev/null`, finds: [['images', 'error', /^the image oci-archive:\/srv\/fastcontainer\/images\/shop\.tar is not on this host/]] },
    ]);
    assert.equal((await host.request('shop.test', '/')).status, 200);
  });

  test('says what is wrong with the CMDB, and goes on without it', async () => {
    await host.ok('systemctl stop mariadb');
    const { code, report, found } = await doctor('--only', 'cmdb,host-row,rows,clock,files');
    assert.equal(code, 1);
    assert.deepEqual(found.map(({ check, severity, remedy }) => [check, severity, remedy.text]), [['cmdb', 'error', 'systemctl start mariadb']]);
    assert.deepEqual(report.checks.filter(({ looked }) => !looked).map(({ id, why }) => [id, why]), [['host-row', 'the CMDB cannot be read (check "cmdb")'], ['rows', 'the CMDB cannot be read (check "cmdb")']]);
    await host.ok('systemctl start mariadb');
    await host.sql("INSERT INTO apps (name, image, port) VALUES ('worse', 'NO IMAGE', 80)");
    const rows = await doctor('--only', 'cmdb,rows');
    assert.deepEqual(rows.found.map(({ check, severity, remedy }) => [check, severity, remedy.text]), [['rows', 'warning', "SELECT * FROM apps WHERE name = 'worse';"]]);
    assert.equal(rows.code, 0);
    assert.equal((await doctor('--strict', '--only', 'rows')).code, 1);
    await host.sql("DELETE FROM apps WHERE name IN ('worse', 'bad')");
  });

  test('asks the other hosts, and looks at what this one shows them', async () => {
    const asked = async (): Promise<readonly (readonly [string, string, string])[]> => (await doctor('--only', 'peers,tokens,tls')).found.map(({ check, severity, seen }) => [check, severity, seen] as const);
    // This host by other names.
    await host.sql(`INSERT INTO hosts (name, address, port) VALUES ('web2', '${host.address}', 8079), ('web3', '${host.address}', 81)`);
    await host.ok('fc-sync');
    assert.deepEqual(await asked(), [['peers', 'warning', `the host web3 at ${host.address} port 81 refuses connections`]]);
    await host.sql("UPDATE hosts SET state = 'down' WHERE name = 'web3'");
    await host.ok('fc-sync; openssl rand -hex 32 >/etc/fastcontainer/fleet-tokens');
    assert.deepEqual(await asked(), [
      ['tokens', 'warning', '/etc/fastcontainer/fleet-tokens has changed since fc-proxy started'],
      ['peers', 'error', `the host web2 at ${host.address} port 8079 hangs up`],
    ]);
    await host.ok(`
      mkdir /root/tls && cd /root/tls
      key() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "$@"; }
      { key -x509 -days 10 -subj /CN=fleet -keyout ca.key -out ca.pem
        key -subj /CN=web9 -keyout web9.key -out web9.csr
        openssl x509 -req -in web9.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 -extfile <(echo subjectAltName=DNS:web9) -out web9.pem; } 2>/dev/null
      cp /etc/fastcontainer/fastcontainer.ini before.ini
      printf '[fleet]\ntls_certificate = /root/tls/web9.pem\ntls_key = /root/tls/web9.key\ntls_ca = /root/tls/ca.pem\n' >>/etc/fastcontainer/fastcontainer.ini`);
    const tls = (await asked()).filter(([check]) => check === 'tls');
    const seen = tls.map(([, , text]) => text).join('\n');
    for (const pattern of [/cannot read \/root\/tls\/web9\.key/, /is not for web1/, /was good until/, /changed since fc-proxy started/]) assert.match(seen, pattern);
    await host.ok('cp /root/tls/before.ini /etc/fastcontainer/fastcontainer.ini; systemctl restart fc-proxy');
    await host.sql("DELETE FROM hosts WHERE name <> 'web1'");
  });

  test('says what it could not look at without root', async () => {
    const { code, stdout } = await host.exec('setpriv', '--reuid=nobody', '--clear-groups', 'fc-doctor');
    assert.equal(code, 3, stdout);
    assert.match(stdout, /\nNot looked at\n {2}config, files, polkit, kernel,[^:]*: only root may look there\n/);
    assert.match(stdout, /; \d+ checks, \d+ of them not looked at\n$/);
  });

  test('told something wrong, says what', async () => {
    for (const [args, says] of [[['--only', 'cmdb,nope'], /no check 'nope'/], [['shop'], /'shop' is not understood/], [['--bogus'], /--bogus/], [['--only'], /--only/]] as const) {
      const { code, stdout, stderr } = await host.exec('fc-doctor', ...args);
      assert.deepEqual([code, stdout], [2, ''], stderr);
      assert.match(stderr, says);
      assert.match(stderr, /\nTry fc-doctor --help\.\n$/);
    }
    const { code, stdout } = await host.sh('printf "[host]\nname = NO GOOD\n" >/root/bad.ini; fc-doctor --config /root/bad.ini --only config,cmdb');
    assert.equal(code, 1);
    assert.match(stdout, /^Errors\n {2}config: \/root\/bad\.ini:2: \[host\] name: [^\n]*\n {4}do {3}mend it/);
    assert.match(stdout, /\nNot looked at\n {2}cmdb: the configuration cannot be used \(check "config"\)\n/);
    assert.equal((await host.sh('set -o pipefail; fc-doctor --list | head -n 1')).stdout.split(' ')[0], 'versions');
  });
});
