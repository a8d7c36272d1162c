/** Every setting of an app reaches its container or its units, and its secrets reach nobody else. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootHost, type TestHost } from '../support/host.ts';
import { asleep, containerOf, instanceOf, jsonOf } from '../support/units.ts';

let host: TestHost;
/** Where the journal was when the host was set up. */
let provisionedAt = '';

const WORDS = ['--x', 'a b', '', '$HOME ${HOME} $$', '100% %n %%', ';', '"q" \'q\'', '\\ \\n \\x41', '#c', 'é 😀\u202e', 'two\nlines\ttab', '-', '--', '`id` $(id) && !x', '{{app}}'];

/** Stands in every value, so that one search finds whatever leaks. */
const MARK = 'fc7secret';
const ENV: Readonly<Record<string, string>> = {
  PLAIN: `${MARK}`,
  NEWLINES: `${MARK}\nsecond\n\nlast\n`,
  CARRIAGE: `${MARK}\r\nb\r`,
  QUOTES: `"${MARK}" 'b' \`c\``,
  PERCENT: `${MARK} % %n %% %h`,
  DOLLAR: `${MARK} $HOME \${HOME} $$ $(id)`,
  HASH: `# ${MARK} #`,
  SEMICOLON: `; ${MARK} ;`,
  BACKSLASH: `\\ ${MARK} \\n \\x41 \\`,
  UNICODE: `é ß 漢字 😀 \u202e \u200b ${MARK}`,
  SPACES: `   ${MARK}   `,
  TABS: `\t${MARK}\t`,
  EQUALS: `=${MARK}=`,
  COMMA: `${MARK},type=mount,target=/etc/passwd`,
  CONTROL: `\u0001\u001b[2J${MARK}\u007f`,
  EMPTY: '',
  // Longer than a line of an environment file may be.
  LONG: MARK.repeat(6667).slice(0, 60_000),
  LONG_LINES: `${'x'.repeat(39_999)}\n${MARK}`,
};

before(async () => {
  host = await bootHost('settings');
  provisionedAt = (await host.ok("journalctl --show-cursor -n 0 | sed -n 's/^-- cursor: //p'")).trim();
  await host.addApp('words', { command: ['/usr/bin/node', '/app.mjs', ...WORDS], idle_timeout_s: 2 });
  await host.addApp('port-nine', { port: 9090, env: { PORT: '9090' } });
  await host.addApp('secret', { env: ENV, idle_timeout_s: 2 });
  await host.addApp('limits', { memory_max: '100M', cpu_quota: '150%', tasks_max: 77, lifetime_s: 1000 });
  await host.addApp('unlimited', { memory_max: null, cpu_quota: null, tasks_max: null });
  await host.addApp('plain', {}, ['www.plain.test', 'plain.test']);
  await host.addApp('talks', { idle_timeout_s: 2, command: ['/usr/bin/node', '-e', `
    require('fs').writeFileSync('/dev/stdout', 'to /dev/stdout\\n'); require('fs').writeFileSync('/dev/stderr', 'to /dev/stderr\\n');
    console.log('to standard output'); console.error('to standard error'); console.log('<0>no emergency');
    process.on('SIGTERM', () => { console.log('its last words'); process.exit(0); });
    require('http').createServer((_, response) => response.end('ok')).listen(8080);`] });
  const { stdout, stderr, code } = await host.sync();
  assert.equal(code, 0, stdout + stderr);
}, { timeout: 240_000 });

after(async () => {
  await host.kill();
});

describe('a setting reaches the container', () => {
  test('command: every word as it stands', async () => {
    assert.deepEqual(jsonOf(await host.request('words.test', '/args')), WORDS);
  });

  test('port', async () => {
    assert.match((await host.request('port-nine.test', '/')).body, /^hello from port-nine/);
  });

  test('env: every value byte for byte', async () => {
    const env = jsonOf(await host.request('secret.test', '/env'));
    assert.ok(typeof env === 'object' && env !== null);
    const arrived: Record<string, unknown> = { ...env };
    for (const [key, value] of Object.entries(ENV)) assert.equal(arrived[key], value, key);
  });
});

describe('an environment is secret', () => {
  /** Files below `places` that hold the mark and that `user` can read. */
  const leaks = async (user: string, places: string): Promise<string> =>
    (await host.sh(`setpriv --reuid ${user} --regid nogroup --clear-groups grep -rlsaF -D skip ${MARK} ${places}`)).stdout;
  const EVERYWHERE = '/etc /run /var /tmp /srv /home /root /dev/shm /usr/lib/fastcontainer';

  test('in no file that others can read, awake or asleep', async () => {
    assert.equal((await host.request('secret.test', '/')).status, 200);
    const instance = await instanceOf(host, 'secret');
    assert.equal(await leaks('nobody', EVERYWHERE), '');
    assert.equal(await leaks('fc-proxy', EVERYWHERE), '');
    assert.equal(await leaks('nobody', '/proc/[0-9]*/environ'), '');
    // The search would have found it.
    assert.match(await leaks('root', '/var/lib/fastcontainer'), new RegExp(`/env/${instance}$`, 'm'));
    const modes = await host.ok('stat -c "%a %U %n" /var/lib/fastcontainer/env /var/lib/fastcontainer/env/*');
    for (const line of modes.trim().split('\n')) assert.match(line, /^(?:700 root \/var\/lib\/fastcontainer\/env|600 root \/var\/lib\/fastcontainer\/env\/\S+)$/);
  });

  test('in no argument of any process, from before its start until after its end', async () => {
    await asleep(host, 'secret');
    // Reads the command lines of all processes over and over, the short-lived ones of the start too.
    const watched = host.ok(`
      touch /tmp/watching
      for ((rounds = 0; ; rounds++)); do
        for file in /proc/[0-9]*/cmdline; do { read -r -d "" -N 100000 line <"$file"; } 2>/dev/null || true
          case $line in *${MARK}*) echo "found in $line" ;; *podman*secret*create*) seen=$((\${seen:-0} + 1)) ;; esac
        done
        [ -e /tmp/watching ] || break
      done 2>/dev/null
      echo "rounds $((rounds > 10)), secrets being made seen $((\${seen:-0} > 0))"`);
    await host.until(async () => (await host.sh('test -e /tmp/watching')).code === 0 || 'no', { timeoutMs: 5000, what: 'the watcher runs' });
    assert.equal((await host.request('secret.test', '/')).status, 200);
    await asleep(host, 'secret');
    await host.ok('rm /tmp/watching');
    assert.equal(await watched, 'rounds 1, secrets being made seen 1\n');
  });

  test('in no answer of systemd, and not in the journal', async () => {
    assert.equal((await host.request('secret.test', '/')).status, 200);
    const asked = await host.ok(`
      systemctl show 'fc-*'; systemctl cat 'fc-*secret*'; systemctl status --full --lines=1000 'fc-*' || true; journalctl -a -o export
      setpriv --reuid nobody --regid nogroup --clear-groups bash -c "systemctl show 'fc-*'; systemctl status --full 'fc-*' || true"`);
    assert.match(asked, /secret-[0-9a-f]{8}\.service/);
    assert.ok(!asked.includes(MARK));
  });
});

test('limits are systemd\'s', async () => {
  const show = async (app: string): Promise<string> => await host.ok(`systemctl show ${await containerOf(host, app)} -p MemoryMax -p CPUQuotaPerSecUSec -p TasksMax -p RuntimeMaxUSec | sort`);
  assert.match(await show('limits'), /^CPUQuotaPerSecUSec=1\.50*s\nMemoryMax=104857600\nRuntimeMaxUSec=43min 20s\nTasksMax=77\n$/);
  assert.match(await show('plain'), /^CPUQuotaPerSecUSec=infinity\nMemoryMax=536870912\nRuntimeMaxUSec=infinity\nTasksMax=512\n$/);
  assert.match(await show('unlimited'), /^CPUQuotaPerSecUSec=infinity\nMemoryMax=infinity\nRuntimeMaxUSec=infinity\n/);
});

describe('a person reads', () => {
  test('app, generation and domains in every Description', async () => {
    const instance = await instanceOf(host, 'plain');
    const gen = instance.slice(-8);
    const text = await host.ok(`systemctl show -P Description fc-ctr-${instance}.service fc-app-${instance}.service fc-app-${instance}.socket | grep .`);
    assert.deepEqual(text.trim().split('\n'), ['app', 'gate of', 'door of'].map((what) => `FastContainer ${what} plain, generation ${gen} (plain.test, www.plain.test)`));
  });

  test('what the app says in the journal of its unit, however it says it', async () => {
    assert.equal((await host.request('talks.test', '/')).body, 'ok');
    const unit = await containerOf(host, 'talks');
    assert.match(await host.ok(`systemctl status ${unit}`), /talks\[[0-9]+\]: to standard output/);
    await asleep(host, 'talks');
    await host.ok('journalctl --sync');
    const said = (await host.journal(unit)).filter(({ message }) => !/^(?:Start|Stop)|Deactivated/.test(message));
    // Node's own writes are asynchronous on pipes: in any order.
    assert.deepEqual(said.map(({ message }) => message).sort(), ['<0>no emergency', 'its last words', 'to /dev/stderr', 'to /dev/stdout', 'to standard error', 'to standard output']);
    assert.deepEqual([...new Set(said.map(({ priority }) => priority))], [6], 'an app does not choose its priority');
    assert.match(await host.ok(`journalctl -o short -u ${unit}`), / talks\[[0-9]+\]: its last words/);
  });
});

test('systemd-analyze verify prints nothing on any unit', async () => {
  assert.equal((await host.request('plain.test', '/')).status, 200);
  const units = (await host.ok("systemctl list-units --all --plain --no-legend 'fc-*' | cut -d' ' -f1; ls /etc/systemd/system /usr/lib/systemd/system | grep '^fc-[^@]*$' | grep -v wants")).trim().split('\n');
  const names = [...new Set(units)];
  for (const pattern of [/^fc-ctr-plain-/, /^fc-app-plain-.*socket$/, /^fc-app-plain-.*service$/, /^fc-lease-300s@plain-/, /^fc-net-[0-9a-f]{2}@plain-/, /^fc-proxy\.service$/, /^fc-sync\.timer$/]) {
    assert.ok(names.some((name) => pattern.test(name)), String(pattern));
  }
  // One call for each, or systemd-analyze stops at the first that fails.
  assert.equal(await host.ok(`for unit in ${names.filter((name) => !/\.(?:slice|d)$/.test(name)).join(' ')}; do systemd-analyze verify --man=no "$unit" 2>&1 || echo "$unit: $?"; done`), '');
});

test('nothing asked systemd to reload, and nothing needs it', async () => {
  const said = await host.ok(`journalctl _PID=1 -o cat --after-cursor '${provisionedAt}'`);
  assert.match(said, /Started fc-ctr-plain/);
  assert.doesNotMatch(said, /Reloading(?: requested|\.\.\.| finished|$)/m);
  assert.match(await host.ok("systemctl show -P NeedDaemonReload 'fc-*' | sort -u | xargs"), /^no$/m);
});

test('the journal holds no line nobody expected', async () => {
  await host.assertQuiet();
});
