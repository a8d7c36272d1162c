/** What a container may do: what a web server needs, and nothing to the host. And who else may do what on the host. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';
import { containerOf, instanceOf, jsonOf, PROBE_COMMAND, probe, reasonOf } from '../support/units.ts';

let host: TestHost;

/** Programs of the host that a hostile app would bring along. */
const TOOLS = 'bash mknod mount umount unshare nsenter setpriv chroot chown chmod dmesg date hostname ip cat id ls cp sleep touch mkdir stat';

before(async () => {
  host = await bootHost('container');
  await host.ok(`
    cd /srv/fastcontainer; cp -a test-app tools
    for tool in ${TOOLS}; do program=$(readlink -f "$(command -v $tool)"); cp -L --parents $program $(ldd $program | grep -o '/[^ ]*') tools; [ -e tools/usr/bin/$tool ] || ln -s $program tools/usr/bin/$tool; done`);
  await host.addApp('tools', { rootfs: '/srv/fastcontainer/tools', command: PROBE_COMMAND, idle_timeout_s: 60 });
  await host.addApp('plain', { idle_timeout_s: 60 });
  await host.addApp('hostnet', { network: 'host', port: 8123, command: PROBE_COMMAND.map((word) => word.replace('listen(8080)', 'listen(8123)')), idle_timeout_s: 60 });
  const { stdout, stderr, code } = await host.sync();
  assert.equal(code, 1);
  assert.match(stdout + stderr, /apps 'hostnet', column network: .*allow_host = yes/);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** What a shell inside the app says and how it ends. */
async function shell(script: string): Promise<{ code: number; said: string }> {
  const answer = await probe(host, 'tools', `
    const { status, stdout, stderr } = require('node:child_process').spawnSync('/bin/bash', ['-c', ${JSON.stringify(script)}], { encoding: 'utf8', env: { PATH: '/usr/bin' }, timeout: 5000 });
    return status === null ? {} : { code: status, said: stdout + stderr };`);
  if (typeof answer !== 'object' || answer === null || !('code' in answer) || !('said' in answer)) throw new Error(`no shell: ${JSON.stringify(answer)}`);
  return { code: Number(answer.code), said: String(answer.said) };
}

describe('a container', () => {
  test('has the capabilities of a web server, no new privileges, and a system call filter', async () => {
    for (const app of ['plain', 'tools']) {
      assert.equal((await host.request(`${app}.test`, '/', { method: 'POST', body: 'return 1' })).status, 200);
      const status = await host.ok(`grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/$(cat /run/fastcontainer/${await instanceOf(host, app)}.pid)/status | tr -d '\\t'`);
      // CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, KILL 5, SETGID 6, SETUID 7, NET_BIND_SERVICE 10.
      assert.equal(status, 'CapInh:0000000000000000\nCapPrm:00000000000004eb\nCapEff:00000000000004eb\nCapBnd:00000000000004eb\nCapAmb:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n');
    }
  });

  test('does what a web server does on its way down from root', async () => {
    assert.deepEqual(await shell('touch /tmp/f && chown 33:33 /tmp/f && setpriv --reuid 33 --regid 33 --clear-groups id -u; setpriv --reuid 33 --regid 33 --clear-groups sleep 9 & kill $! && id -u'), { code: 0, said: '33\n0\n' });
  });

  for (const [what, script] of [
    ['mounts nothing', 'mount -t tmpfs none /tmp'],
    ['makes no system path writable', 'mount -o remount,rw /sys || mount -o remount,rw,bind /proc/sys'],
    ['makes no device node', 'mknod /tmp/disk b 8 0 || mknod /tmp/kmsg c 1 11'],
    // podman's filter lets it have a user namespace, with all capabilities there are, in there.
    ['makes no system path writable from a user namespace', 'unshare --user --map-root-user --mount bash -c "umount /proc/sys || mount -o remount,rw /sys || mount -t proc none /proc || mount -t sysfs none /sys || echo 1 >/proc/sys/vm/drop_caches"'],
    ['makes no device node from a user namespace', 'unshare --user --map-root-user --mount bash -c "mount -t tmpfs none /tmp && mknod /tmp/disk b 8 0"'],
    ['leaves its network in no user namespace', 'unshare --user --map-root-user bash -c "ip link set eth0 down || ip route add default dev eth0"'],
    ['makes no mount, pid or network namespace', 'unshare --mount id || unshare --pid --fork id || unshare --net id'],
    ['changes no root', 'chroot / id'],
    ['does not read the kernel\'s log', 'dmesg'],
    ['does not set the clock', 'date -s "2001-01-01 00:00:00" >/dev/null'],
    ['does not rename the host', 'hostname evil || echo evil >/proc/sys/kernel/hostname'],
    ['changes no interface', 'ip link set eth0 down || ip addr add 10.0.0.1/8 dev eth0 || ip route add default dev eth0'],
    ['writes no kernel setting', 'echo 1 >/proc/sys/vm/drop_caches || echo 1 >/proc/sys/net/ipv4/ip_forward || echo x >/sys/kernel/uevent_helper || echo b >/proc/sysrq-trigger'],
    ['leaves no cgroup and changes none', 'echo $$ >/sys/fs/cgroup/cgroup.procs || mkdir /sys/fs/cgroup/x || echo max >/sys/fs/cgroup/memory.max'],
    ['does not read the memory', 'cat /proc/kcore >/dev/null || cat /dev/mem || cat /dev/kmsg'],
  ] as const) {
    test(what, async () => {
      const { code, said } = await shell(script);
      assert.notEqual(code, 0, said);
      assert.match(said, /not permitted|Permission denied|Read-only|No such file|not mounted|must be superuser|cannot/i);
    });
  }

  test('gains nothing by a set-user-ID program', async () => {
    assert.deepEqual(await shell('cp /usr/bin/id /tmp/id && chmod 4755 /tmp/id && setpriv --reuid 33 --regid 33 --clear-groups /tmp/id -u'), { code: 0, said: '33\n' });
  });

  test('sees no process, device, descriptor or variable that is not its own', async () => {
    assert.equal((await shell('echo /proc/[0-9]*')).said.split(' ').length <= 3, true);
    assert.deepEqual((await shell('cd /dev; echo *')).said.trim().split(' '), ['core', 'fd', 'full', 'mqueue', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'tty', 'urandom', 'zero']);
    const open = String(await probe(host, 'tools', "const fs = require('node:fs'); return fs.readdirSync('/proc/self/fd').map((fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } }).filter((path) => path.startsWith('/') && path !== '/dev/null' && !path.startsWith('/proc/')).join()"));
    assert.equal(open, '');
    const env = jsonOf(await host.request('plain.test', '/env'));
    assert.ok(typeof env === 'object' && env !== null);
    assert.deepEqual(Object.keys(env).filter((key) => !['HOME', 'HOSTNAME', 'PATH', 'TERM', 'container'].includes(key)), []);
  });

  test('sees its own network and its own cgroup in /sys', async () => {
    assert.deepEqual(await shell('cd /sys/class/net; ls; read -r _ </sys/fs/cgroup/cgroup.procs && [ ! -e /sys/fs/cgroup/fc.slice ]'), { code: 0, said: 'eth0\nlo\n' });
  });

  test('has /proc/sys and /sys read-only in its mount table', async () => {
    const mounts = (await shell('cat /proc/self/mountinfo')).said.trim().split('\n').map((line) => line.split(' '));
    const optionsOf = (place: string): string => mounts.findLast((fields) => fields[4] === place)?.[5] ?? '';
    for (const place of ['/proc/sys', '/proc/bus', '/proc/fs', '/proc/irq', '/sys', '/sys/fs/cgroup']) assert.match(optionsOf(place), /^ro(?:,|$)/, place);
  });
});

describe('network = host', () => {
  test('works where the configuration allows it, and only then', async () => {
    assert.equal((await host.request('hostnet.test', '/')).status, 404);
    await host.ok("printf '[network]\\nallow_host = yes\\n' >>/etc/fastcontainer/fastcontainer.ini");
    const { code, stdout, stderr } = await host.sync();
    assert.equal(code, 0, stdout + stderr);
    const interfaces = String(await probe(host, 'hostnet', "return Object.keys(require('node:os').networkInterfaces()).join()"));
    assert.match(interfaces, /host0/);
    const unit = await containerOf(host, 'hostnet');
    assert.equal(await host.ok(`systemctl show -P NetworkNamespacePath ${unit}; systemctl list-units --all --no-legend 'fc-net-*@hostnet*'`), '\n');
    assert.match(await host.ok(`grep ^CapEff /proc/$(cat /run/fastcontainer/${await instanceOf(host, 'hostnet')}.pid)/status`), /00000000000004eb/);
    assert.equal(await host.ok(`systemd-analyze verify --man=no ${unit} ${unit.replace('ctr', 'app').replace('service', 'socket')} 2>&1`), '');
  });

  test('does not mistake another program on the port for the app', async () => {
    await host.ok(`systemctl stop ${await containerOf(host, 'hostnet')}; systemd-run --quiet --unit=squatter node -e "require('http').createServer((_, response) => response.end('squatter')).listen(8123)"`);
    await host.until(async () => (await host.ok('ss -Hlnt sport = :8123')).trim() !== '' || 'no', { timeoutMs: 10_000, what: 'the squatter listens' });
    await host.sql("UPDATE apps SET start_timeout_s = 3 WHERE name = 'hostnet'");
    assert.equal((await host.sync()).code, 0);
    const response = await host.request('hostnet.test', '/');
    assert.ok([502, 503, 504].includes(response.status), response.body);
    assert.match(await reasonOf(host, response), /port 8123 of this host is taken by another program/);
    await host.ok('systemctl stop squatter');
  });

  test('gives root in the container no port that is root\'s', async () => {
    await host.sql("UPDATE apps SET port = 81 WHERE name = 'hostnet'");
    assert.equal((await host.sync()).code, 0);
    const response = await host.request('hostnet.test', '/');
    assert.equal(response.status, 502, response.body);
    assert.match(await reasonOf(host, response), /port 81 of this host is root's \(net\.ipv4\.ip_unprivileged_port_start = 1024\)/);
  });
});

describe('on the host, without being root', () => {
  const as = (user: string, command: string): Promise<{ code: number; stderr: string; stdout: string }> => host.sh(`exec setpriv --reuid ${user} --regid ${user === 'nobody' ? 'nogroup' : user} --clear-groups ${command}`);
  const transient = (name: string): string =>
    `busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StartTransientUnit 'ssa(sv)a(sa(sv))' ${name} replace 1 OnActiveSec t 1000000 0`;

  test('nobody starts, stops or changes anything of ours', async () => {
    const instance = await instanceOf(host, 'plain');
    for (const command of [
      `systemctl restart fc-lease-60s@${instance}.timer`, `systemctl stop fc-ctr-${instance}.service`, `systemctl kill fc-ctr-${instance}.service`,
      'systemctl start fc-sync.service', 'systemctl daemon-reload', transient('fc-lease-60s@x-00000000.timer'), 'systemctl set-property fc-proxy.service MemoryMax=1M',
    ]) assert.notEqual((await as('nobody', command)).code, 0, command);
    assert.equal(await host.state(`fc-ctr-${instance}.service`), 'active');
    for (const path of ['/var/lib/fastcontainer/snapshot.json', '/etc/fastcontainer/fastcontainer.ini', '/etc/fastcontainer/cmdb.password', `/run/fastcontainer/${instance}.pid`]) assert.notEqual((await as('nobody', `cat ${path}`)).code, 0, path);
    assert.notEqual((await as('nobody', `rm /run/fastcontainer/plain.sock`)).code, 0);
  });

  test('fc-proxy\'s user wakes, and does nothing else', async () => {
    const instance = await instanceOf(host, 'plain');
    for (const command of [`systemctl restart fc-lease-60s@${instance}.timer`, `systemctl start fc-app-${instance}.socket`]) {
      const { code, stderr } = await as('fc-proxy', command);
      assert.equal(code, 0, stderr);
    }
    for (const command of [
      `systemctl stop fc-lease-60s@${instance}.timer`, `systemctl stop fc-ctr-${instance}.service`, `systemctl start fc-ctr-${instance}.service`, `systemctl kill fc-ctr-${instance}.service`,
      `systemctl set-property --runtime fc-ctr-${instance}.service MemoryMax=infinity`, `systemctl stop fc-app-${instance}.socket`, 'systemctl restart fc-proxy.service', 'systemctl stop fc-net-*', 'systemctl start debug-shell.service',
      'systemctl daemon-reload', 'systemctl enable fc-sync.timer', transient('fc-lease-60s@x-00000000.timer'), transient('fc-app-x-00000000.socket'), 'systemd-run true',
      'cat /etc/fastcontainer/cmdb.password', 'ls /var/lib/fastcontainer/env', 'touch /var/lib/fastcontainer/x', 'touch /run/fastcontainer/x', 'podman ps',
    ]) assert.notEqual((await as('fc-proxy', command)).code, 0, command);
    assert.equal(await host.state(`fc-ctr-${instance}.service`), 'active');
  });
});

test('the journal holds no line nobody expected', async () => {
  // Asked for a host name nobody knows, fc-proxy starts fc-sync, which has a rejected row to tell of.
  await host.assertQuiet([/^fc-sync\.service: .*(?:Failed with result 'exit-code'|Failed to start)|^fc-sync\.service: apps 'hostnet'/, /^fc-(?:ctr|lease)\S*hostnet-.*(?:Failed with result 'exit-code'|Failed to start|Dependency failed|Control process exited)/, /^fc-proxy\.service: The app did not start: .*generation=hostnet/]);
});
