/** units/libexec/fc-proxy-run under a stand-in for systemd: it holds the socket, and starts the next when the main process ends. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { ask, bodyOf, portOf, testApp, until } from './support.ts';

const LAUNCHER = fileURLToPath(new URL('../../../units/libexec/fc-proxy-run', import.meta.url));
const CHILD = fileURLToPath(new URL('launcher-child.ts', import.meta.url));

/** Each line on its input starts the main process; it says how that ended, and holds the socket all the while. */
const SYSTEMD = `
export LISTEN_FDS=1 LISTEN_FDNAMES=http LISTEN_PID='set by the launcher'
while read -r _; do
  "$@" </dev/null &
  echo "main $!"
  wait $!
  echo "exit $?"
done`;

class Systemd {
  readonly #shell: ChildProcess;
  readonly port: number;
  said = '';

  constructor(shell: ChildProcess, port: number) {
    this.#shell = shell;
    this.port = port;
    shell.stdout?.on('data', (chunk: Buffer) => { this.said += chunk.toString(); });
  }

  /** Opens the socket, for a service that is `command` under the launcher. */
  static async open(t: TestContext, command: readonly string[]): Promise<Systemd> {
    const server = createServer();
    server.listen(0, '127.0.0.1', 4096);
    await once(server, 'listening');
    const handle: unknown = Reflect.get(server, '_handle');
    const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
    assert.ok(typeof fd === 'number', 'node keeps the descriptor of a server elsewhere now');
    const shell = spawn('/bin/bash', ['-c', SYSTEMD, 'systemd', LAUNCHER, ...command], { stdio: ['pipe', 'pipe', 'inherit', fd] });
    await once(shell, 'spawn');
    const systemd = new Systemd(shell, portOf(server));
    // From here on the socket is the shell's: this process must not accept on it.
    server.close();
    t.after(() => {
      shell.kill('SIGKILL');
      // Only what has not said that it ended: another process may have its number by now.
      const ended = new Set([...systemd.said.matchAll(/drained \d+ (\d+)\n/g)].map(([, pid]) => pid));
      for (const [, pid] of systemd.said.matchAll(/ready (\d+)\n/g)) {
        try { if (!ended.has(pid)) process.kill(Number(pid), 'SIGKILL'); } catch { /* it has */ }
      }
      // It may have ended with nobody left to say so.
      try { if (systemd.times('main ') > systemd.times('exit ')) systemd.kill('SIGKILL'); } catch { /* it has */ }
      // A process that is left over holds the other end.
      shell.stdout?.destroy();
    });
    return systemd;
  }

  start(): void {
    this.#shell.stdin?.write('\n');
  }

  /** How often it has said something. */
  times(word: string): number {
    return this.said.split(word).length - 1;
  }

  async started(times: number): Promise<void> {
    await until('the proxy is ready', () => this.times('ready ') === times, 20_000);
  }

  /** Signals the main process, as KillMode=process does. */
  kill(signal: NodeJS.Signals): void {
    const pid = Number([...this.said.matchAll(/main (\d+)\n/g)].at(-1)?.[1]);
    assert.ok(pid > 1);
    process.kill(pid, signal);
  }

  /** The status of the main process that ended last, once so many have. */
  async ended(times: number): Promise<number> {
    await until('the main process has ended', () => this.times('exit ') === times, 10_000);
    return Number([...this.said.matchAll(/exit (\d+)\n/g)].at(-1)?.[1]);
  }
}

const proxyCommand = (port: number): string[] => [process.execPath, '--import', 'tsx', CHILD, String(port)];

test('three restarts under load lose no request, no download and no WebSocket', async (t) => {
  let release = (): void => undefined;
  const app = await testApp(t, (req, res) => {
    if (req.url === '/long') {
      res.write('be');
      release = () => { res.end('gun'); };
    } else void bodyOf(req).then((body) => { res.end(body); });
  });
  const sockets = new WebSocketServer({ server: app.server });
  sockets.on('connection', (socket) => { socket.on('message', (data) => { socket.send(data); }); });
  t.after(() => { sockets.close(); });
  const systemd = await Systemd.open(t, proxyCommand(app.port));
  const { port } = systemd;
  systemd.start();
  await systemd.started(1);

  const download = request({ port, path: '/long', agent: false, headers: { Host: 'app.example' } }).end();
  const [res] = await once(download, 'response') as [IncomingMessage];
  const long = bodyOf(res);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { Host: 'app.example' } });
  t.after(() => { socket.terminate(); });
  await once(socket, 'open');

  const failures: string[] = [];
  let done = 0;
  let stop = false;
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  t.after(() => { agent.destroy(); });
  const load = [agent, agent, agent, agent, false as const, false as const].map(async (which) => {
    while (!stop) {
      const body = randomBytes(1500).toString('hex');
      await ask(port, '/', { method: 'POST', body, agent: which }).then((answer) => {
        if (answer.status !== 200 || answer.body !== body) failures.push(`${answer.status} ${answer.body.slice(0, 80)}`);
      }, (error: unknown) => { failures.push(String(error)); });
      done++;
      await sleep(10);
    }
  });
  for (let i = 1; i <= 3; i++) {
    await sleep(300);
    systemd.kill('SIGTERM');
    assert.equal(await systemd.ended(i), 0);
    systemd.start();
    await systemd.started(i + 1);
  }
  await sleep(1500);
  stop = true;
  await Promise.all(load);
  assert.deepEqual(failures, [], `of ${done}`);
  assert.ok(done > 30, `a load of ${done} requests only`);

  assert.equal(systemd.times('drained 0'), 2, 'the second and third have ended by themselves, the first still has the download and the WebSocket');
  socket.send('still there?');
  const [data] = await once(socket, 'message') as [Buffer];
  assert.equal(data.toString(), 'still there?');
  release();
  assert.equal(await long, 'begun');
  socket.close();
  await until('the first has ended', () => systemd.times('drained 0') === 3, 5000);
});

test('when the launcher is killed, the proxy drains and ends', async (t) => {
  const app = await testApp(t, (_req, res) => { res.end('ok'); });
  const systemd = await Systemd.open(t, proxyCommand(app.port));
  systemd.start();
  await systemd.started(1);
  systemd.kill('SIGKILL');
  await until('it has ended', () => systemd.times('drained 0') === 1, 5000);
});

test('when the proxy ends by itself, the launcher ends with its status', async (t) => {
  for (const [script, status] of [['exit 7', 7], ['kill -KILL $$', 137], ['exit 0', 0]] as const) {
    const systemd = await Systemd.open(t, ['/bin/sh', '-c', script]);
    systemd.start();
    assert.equal(await systemd.ended(1), status, script);
  }
});

test('a proxy that is to have no successor says so, and the launcher ends with 3', async (t) => {
  const systemd = await Systemd.open(t, ['/bin/bash', '-c', 'echo retired >&102; exec sleep 0.2']);
  systemd.start();
  assert.equal(await systemd.ended(1), 3);
});

test('a proxy that has no use for its configuration is not started ten times a second, and can be told to stop', async (t) => {
  const systemd = await Systemd.open(t, ['/bin/sh', '-c', 'exit 2']);
  systemd.start();
  await until('it has begun', () => systemd.times('main ') === 1);
  await sleep(500);
  assert.equal(systemd.times('exit '), 0);
  systemd.kill('SIGTERM');
  assert.equal(await systemd.ended(1), 0);
});

test('the proxy gets its sockets, its own LISTEN_PID, no input, and the journal', async (t) => {
  const systemd = await Systemd.open(t, ['/bin/sh', '-c', '[ "$LISTEN_PID" = $$ ] && [ -S /dev/fd/3 ] && [ "$(readlink /dev/fd/0)" = /dev/null ] && [ "$FC_PROXY_LAUNCHER" = 101,102 ] && printf "fds " && ls -m /proc/$$/fd; exit 0']);
  systemd.start();
  await systemd.ended(1);
  const fds = /^fds (.*)$/m.exec(systemd.said)?.[1]?.split(',').map(Number) ?? [];
  // Higher ones are of whoever runs the tests.
  assert.deepEqual(fds.filter((fd) => fd < 200).sort((a, b) => a - b), [0, 1, 2, 3, 101, 102]);
});

test('a proxy that drains although nobody told the launcher is followed by the next at once', async (t) => {
  const app = await testApp(t, (_req, res) => { res.write('endless'); });
  const systemd = await Systemd.open(t, proxyCommand(app.port));
  systemd.start();
  await systemd.started(1);
  const held = request({ port: systemd.port, agent: false, headers: { Host: 'app.example' } }).end();
  held.on('error', () => undefined);
  await once(held, 'response');
  process.kill(Number(/ready (\d+)/.exec(systemd.said)?.[1]), 'SIGTERM');
  assert.equal(await systemd.ended(1), 1);
  assert.equal(systemd.times('drained'), 0, 'it still has a request');
  held.destroy();
  await until('it has ended', () => systemd.times('drained 0') === 1, 5000);
});
