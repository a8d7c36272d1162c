/**
 * The Debian packages on a fresh Debian, from nothing to an answer as the README has it, word for word; then what a
 * package goes through: upgrade, removal, purge, and a host that scripts/provision has made before.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bootHost, type TestHost } from './host.ts';
import { type Target, underLoad } from './load.ts';
import { codeOf } from './readme.ts';
import { runOk } from './run.ts';

const REPO = fileURLToPath(new URL('../..', import.meta.url));

export interface Release {
  readonly codename: 'bookworm' | 'trixie';
  /** As the README calls it. */
  readonly name: string;
  /** The Node that the commands run on there. */
  readonly node: string;
}

/** Everything there is but for databases and logs of others, and who there is. */
const LISTING = `
  find /etc /usr /var /srv /opt -xdev \\( -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/mysql -o -path /var/lib/systemd \\
    -o -path /var/log -o -path /var/cache -o -path /var/tmp -o -name __pycache__ -o -path '/etc/*-' \\) -prune -o -print | sort
  cat /etc/passwd /etc/group`;

/** As versions before there were packages had it: units and the rule in /etc, no fc-provision. */
const OLD_LAYOUT = `
  mv /usr/lib/systemd/system/fc-* /etc/systemd/system/
  mkdir -p /etc/polkit-1/rules.d && mv /usr/share/polkit-1/rules.d/50-fastcontainer.rules /etc/polkit-1/rules.d/
  for link in /etc/systemd/system/{multi-user,sockets}.target.wants/fc-*; do ln -sfn "/etc/systemd/system/\${link##*/}" "$link"; done
  rm -r /usr/lib/fastcontainer/scripts /usr/sbin/fc-provision /var/lib/fastcontainer/units
  systemctl daemon-reload`;

/** What scripts/testhost has put there, and a purge takes away as an operator's own. */
const DROP_IN = '/etc/systemd/system/fc-proxy.service.d/testhost.conf';

export function testPackages({ codename, name, node }: Release): void {
  /** fastcontainer of this version, and of the next; both in folders of their own, as an operator has them. */
  const debs = `${REPO}.cache/packages-${codename}-${process.pid}`;
  let host: TestHost;
  let target: Target;

  /** @param age days: units of another version are other files to systemd, by their time */
  const build = (folder: string, version: string, age: number, ...packages: readonly string[]): Promise<string> =>
    runOk('env', ['DEBEMAIL=packages@fastcontainer.org', `SOURCE_DATE_EPOCH=${Math.floor(Date.now() / 1000) - age * 86_400}`, `${REPO}scripts/deb`, '--compress', '-Znone', '--out', `${debs}/${folder}`, '--version', version, ...packages], { timeoutMs: 120_000 });
  const answers = async (domain: string): Promise<void> => {
    await host.until(async () => {
      const { status, body } = await host.request(domain, '/');
      return status === 200 || `${status} ${body}`;
    }, { timeoutMs: 30_000, what: `${domain} answers` });
  };
  /** Which container serves, and which configuration. */
  const standing = (): Promise<string> =>
    host.ok("systemctl show --property=Id,MainPID 'fc-ctr-shop-*'; sha256sum /etc/fastcontainer/* | sort");
  const active = (): Promise<string> => host.ok("systemctl list-units --plain --no-legend --state=active,activating,deactivating,failed 'fc-*'");
  const aptInstall = (folder: string): Promise<string> => host.ok(`cd ${debs}/${folder} && apt install ./fastcontainer_*.deb 2>&1`, { timeoutMs: 120_000 });

  const quickStart = codeOf('Quick start', 'sh');

  describe(`on a fresh ${name}`, () => {
    before(async () => {
      const lower = (await runOk(`${REPO}scripts/debian-root`, [codename], { timeoutMs: 300_000 })).trim();
      host = await bootHost(codename, { row: 'web1', provision: false, lower, internet: true });
      target = { label: 'shop', domain: 'shop.example', connect: { host: host.address, port: 80 } };
      await build('first', '0.1.0', 2, 'fastcontainer', ...(codename === 'bookworm' ? ['fastcontainer-node'] : []));
      await build('next', '0.1.1', 1, 'fastcontainer');
      await host.ok(`
        printf 'APT::Get::Assume-Yes "true";\\nDPkg::Options:: "--force-unsafe-io";\\n' >/etc/apt/apt.conf.d/90test
        echo 'debconf debconf/frontend select Noninteractive' | debconf-set-selections
        apt-get --quiet update
        apt-get --quiet install --no-install-recommends curl`, { timeoutMs: 120_000 });
    }, { timeout: 280_000 });
    after(async () => {
      await host.kill();
      rmSync(debs, { recursive: true, force: true });
    });

    test('apt installs it, and nothing runs yet', { timeout: 200_000 }, async () => {
      const [install = '', ...others] = (quickStart[0] ?? '').split('\n').filter((line) => line.includes(`# ${name}`));
      assert.ok(install !== '' && others.length === 0, 'the README has one line for it');
      await host.ok(`cd ${debs}/first && ${install}`, { timeoutMs: 180_000 });
      assert.equal(await active(), '');
      assert.equal(await host.ok('readlink -f /usr/lib/fastcontainer-node/node'), `${node}\n`);
      assert.match(await host.ok('fc-sync --help'), /^Usage: fc-sync/);
      assert.equal(await host.ok('dpkg --verify fastcontainer'), '');
      const { code, stderr } = await host.sh('fc-provision --hots web1');
      assert.equal(code, 2);
      assert.match(stderr, /fc-provision: there is no option --hots/);
    });

    test('the quick start of the README ends with an answer', { timeout: 200_000 }, async () => {
      const [, provision = '', ask = ''] = quickStart;
      await host.ok(provision, { timeoutMs: 180_000 });
      await host.ok(`podman import --quiet --change 'CMD ["/usr/bin/node","/app.mjs"]' --change 'ENV PORT=80' ${REPO}.cache/images/test-app.tar localhost/shop`, { timeoutMs: 120_000 });
      await host.sql(codeOf('Quick start', 'sql').join('\n'));
      // A person takes longer to type it than fc-sync to follow.
      await answers('shop.example');
      assert.match(await host.ok(ask), /^HTTP\/1\.1 200 OK/);
    });

    test('an upgrade keeps apps awake, loses no request, and reads the units once', { timeout: 120_000 }, async (t) => {
      const before = await standing();
      await host.ok('systemctl disable --quiet --now fc-egress.path; systemctl show --property=MainPID fc-proxy >/root/proxy');
      const reloads = "journalctl --boot --output=cat _PID=1 | grep -c '^Reloading\\.' || true";
      const reloadsBefore = Number(await host.ok(reloads));
      t.diagnostic(await underLoad({ perSecond: 50, targets: [target] }, async () => { await aptInstall('next'); }));
      assert.equal(await standing(), before);
      assert.equal(await host.ok("dpkg-query -W -f '${Version}' fastcontainer"), '0.1.1');
      assert.equal((await host.sh('systemctl show --property=MainPID fc-proxy | cmp -s - /root/proxy')).code, 1, 'fc-proxy is another');
      assert.equal((await host.exec('systemctl', 'is-enabled', 'fc-egress.path')).stdout, 'disabled\n');
      assert.equal(await host.state('fc-egress.path'), 'inactive');
      assert.equal(Number(await host.ok(reloads)) - reloadsBefore, 1);
    });

    test('removed, it stops everything and keeps what there was', { timeout: 120_000 }, async () => {
      await host.ok('echo of the app >/srv/fastcontainer/volume');
      await host.ok('apt remove fastcontainer 2>&1', { timeoutMs: 60_000 });
      assert.equal(await active(), '');
      assert.equal(await host.ok('podman ps --all --quiet; ps -o pid= -u fc-proxy || true'), '');
      await aptInstall('next');
      await answers('shop.example');
    });

    let left = '';
    test('purged, nothing of it is left but volumes, databases and images', { timeout: 120_000 }, async () => {
      await host.ok(`cp ${DROP_IN} /root/`);
      await host.ok('apt purge fastcontainer 2>&1', { timeoutMs: 60_000 });
      left = await host.ok(LISTING);
      const ours = left.split('\n').filter((line) => /fastcontainer|\/fc-|^fc-/.test(line));
      const node = ['/usr/lib/fastcontainer-node', '/usr/share/doc/fastcontainer-node', '/usr/share/lintian/overrides/fastcontainer-node'];
      assert.deepEqual(ours.filter((line) => !node.some((path) => line.startsWith(path))), ['/srv/fastcontainer', '/srv/fastcontainer/volume']);
      assert.equal(await host.ok("cat /srv/fastcontainer/volume; podman image exists localhost/shop; mariadb fastcontainer --skip-column-names --execute 'SELECT name FROM apps'"), 'of the app\nshop\n');
      assert.equal(await host.ok("systemctl list-units --all --no-legend --plain 'fc-*'"), '');
    });

    test('a host that scripts/provision has made is taken over, one of an earlier version too', { timeout: 200_000 }, async (t) => {
      await host.ok(`mkdir -p ${DROP_IN.replace(/\/[^/]*$/, '')} && cp /root/testhost.conf ${DROP_IN}
        ${REPO}scripts/provision --no-packages --with-mariadb --host web1`, { timeoutMs: 120_000 });
      await host.ok(OLD_LAYOUT);
      await answers('shop.example');
      const before = await standing();
      t.diagnostic(await underLoad({ perSecond: 50, targets: [target] }, async () => { await aptInstall('next'); }));
      assert.equal(await standing(), before);
      assert.equal(await host.ok('cd /usr/lib/systemd/system && for unit in fc-*; do [ ! -e /etc/systemd/system/$unit ] || echo $unit; done; ls /etc/polkit-1/rules.d'), '');
      assert.equal(await host.ok('systemctl is-enabled fc-proxy.service fc-proxy.socket fc-apps.target fc-sync-watch.service'), 'enabled\n'.repeat(4));
      assert.match(await host.ok('systemctl show -P FragmentPath fc-proxy.service'), /^(\/usr)?\/lib\/systemd\/system\/fc-proxy\.service\n$/);
      const { code, stderr } = await host.sh(`${REPO}scripts/provision --no-packages --host web1`);
      assert.equal(code, 1);
      assert.match(stderr, /package fastcontainer is installed/);
      await host.assertQuiet([
        /hosts 'web1'/,
        // podman 5: fc-seccomp ends its container as soon as the filter is there.
        /^fc-seccomp\.service: conmon .*Failed to write 137 to container exit file/,
        /^fc-proxy\.service: .*(Found left-over process|remains running after unit stopped|usually indicates unclean termination)/,
      ]);
      await host.ok('apt purge fastcontainer 2>&1', { timeoutMs: 60_000 });
      assert.equal(await host.ok(LISTING), left);
    });
  });
}
