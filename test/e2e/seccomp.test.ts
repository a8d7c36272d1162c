/** The system call filter of containers: compiled ahead, and never another one than podman and crun would make now. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';
import { containerOf, instanceOf } from '../support/units.ts';

const FILTER = '/run/fastcontainer/seccomp';

let host: TestHost;

before(async () => {
  host = await bootHost('seccomp');
  await host.addApp('shop', { idle_timeout_s: 600 });
  assert.equal((await host.sync()).code, 0);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

/** Starts the app anew; its filter's checksum, and whether crun was given it ready-made. */
async function filterOfStart(): Promise<{ sum: string; ahead: boolean }> {
  await host.ok(`systemctl stop ${await containerOf(host, 'shop')}`);
  assert.equal((await host.request('shop.test', '/')).status, 200);
  const state = (await host.ok(`echo /run/crun/$(podman inspect --format '{{.Id}}' fc-${await instanceOf(host, 'shop')})`)).trim();
  const sum = (await host.ok(`sha256sum <${state}/seccomp.bpf`)).trim();
  return { sum, ahead: (await host.ok(`grep -c run.oci.seccomp_bpf_data ${state}/config.json || true`)).trim() !== '0' };
}

/** Waits until fc-seccomp has ended, and what it made is there. */
async function compiled(): Promise<void> {
  await host.until(async () => ((await host.state('fc-seccomp.service')) === 'inactive' && (await host.sh(`grep -q '^is ' ${FILTER}`)).code === 0) || 'no filter',
    { timeoutMs: 30_000, what: `fc-seccomp makes ${FILTER}` });
}

test('is compiled when the host starts, and is the one that crun would compile', async () => {
  await compiled();
  const ahead = await filterOfStart();
  assert.equal(ahead.ahead, true);
  await host.ok(`rm ${FILTER}`);
  const compiledThen = await filterOfStart();
  assert.deepEqual(compiledThen, { sum: ahead.sum, ahead: false });
  // Whoever misses it has it made.
  await compiled();
  assert.deepEqual(await filterOfStart(), ahead);
});

test('follows a changed profile with the next start', async () => {
  const before = await filterOfStart();
  assert.equal(before.ahead, true);
  await host.ok('sed \'s/"swapon",//; s/"fchmodat",//\' /usr/share/containers/seccomp.json >/etc/containers/seccomp.json');
  const first = await filterOfStart();
  assert.equal(first.ahead, false);
  assert.notEqual(first.sum, before.sum);
  await compiled();
  assert.deepEqual(await filterOfStart(), { sum: first.sum, ahead: true });
  await host.ok('rm /etc/containers/seccomp.json');
  assert.deepEqual(await filterOfStart(), { sum: before.sum, ahead: false });
  await compiled();
});

test('is left to crun where an operator asks for something else', async () => {
  const unit = await containerOf(host, 'shop');
  const usual = await filterOfStart();
  assert.equal(usual.ahead, true);
  for (const option of ['--cap-add=SYS_PTRACE', '--security-opt=seccomp=/usr/share/containers/seccomp.json']) {
    await host.ok(`
      mkdir -p /etc/systemd/system/${unit}.d
      { echo '[Service]'; echo ExecStart=; grep ^ExecStart= /etc/systemd/system/${unit} | sed 's,fc-run ,fc-run ${option} ,'; } >/etc/systemd/system/${unit}.d/own.conf
      systemctl daemon-reload`);
    assert.equal((await filterOfStart()).ahead, false, option);
  }
  await host.ok(`rm -r /etc/systemd/system/${unit}.d; systemctl daemon-reload`);
  assert.deepEqual(await filterOfStart(), usual);
});

test('the journal holds no line nobody expected, and no container is left', async () => {
  assert.equal(await host.ok('podman ps --all --format "{{.Names}}" | grep -v ^fc-shop- || true; ls -d /run/fastcontainer-seccomp 2>/dev/null || true'), '');
  await host.assertQuiet();
});
