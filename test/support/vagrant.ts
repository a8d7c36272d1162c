/** What the Vagrantfile runs on each of its machines makes a fleet, of test hosts here: of this machine's Debian, or of another. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bootHost, importImage, insertApp, quote, type TestHost } from './host.ts';
import { runOk } from './run.ts';

const REPO = fileURLToPath(new URL('../..', import.meta.url));

interface Provision {
  readonly name: string;
  readonly type: string;
  readonly inline?: string;
  readonly source?: string;
  readonly destination?: string;
}

interface Machine {
  readonly networks: readonly string[];
  readonly provisions: readonly Provision[];
}

/** A copy of the Vagrantfile in a folder of its own, because the file makes secrets beside itself. Removed in the end. */
export function copyVagrantfile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fc-vagrant-'));
  cpSync(`${REPO}Vagrantfile`, join(folder, 'Vagrantfile'));
  after(() => { rmSync(folder, { recursive: true }); });
  return folder;
}

/** @param root of the machines, as scripts/debian-root names it; this machine's own if there is none */
export function testMachines(folder: string, root?: string): void {
  describe(`what it runs on its machines${root === undefined ? '' : `, of ${root}`}`, { skip: existsSync('/usr/bin/ruby') ? false : 'there is no ruby here' }, () => {
    let machines: Record<string, Machine>;
    let lower: string | undefined;
    const hosts = new Map<string, TestHost>();

    /** As Vagrant does it: the network, then one provision after the other. */
    async function bring(name: string, { networks, provisions }: Machine): Promise<void> {
      const host = await bootHost(name, { row: name, provision: false, ...(lower === undefined ? {} : { lower }) });
      hosts.set(name, host);
      await host.ok(`ln -s ${REPO} /vagrant\n${networks.map((ip) => `ip address add ${ip}/24 dev host0`).join('\n')}`);
      for (const { name: what, type, inline = '', source = '', destination = '' } of provisions) {
        if (type === 'file') await upload(host, source, destination);
        else if (what === 'copy') await copy(host, inline);
        else await host.ok(fleetNode(inline), { timeoutMs: 120_000 });
      }
    }

    /** What is copied would be built on the machine, by npm; here what is built already takes its place. */
    async function copy(host: TestHost, inline: string): Promise<void> {
      await host.ok(inline);
      const names = (await host.ok('ls -A /opt/fastcontainer')).split('\n');
      assert.ok(names.includes('package.json') && names.includes('scripts'), names.join(' '));
      assert.ok(!names.some((name) => ['dist', 'node_modules', '.git', '.vagrant'].includes(name)), names.join(' '));
      await host.ok(`rm -r /opt/fastcontainer && ln -s ${REPO} /opt/fastcontainer`);
    }

    /** A test host has no NFS in its kernel. */
    const fleetNode = (inline: string): string => inline.replace('--secrets', '--no-share --secrets');

    async function upload(host: TestHost, source: string, destination: string): Promise<void> {
      const files = (await runOk('find', [source, '-type', 'f', '-printf', '%f\n'])).trim().split('\n');
      for (const file of files) await host.ok(`mkdir -p ${destination} && printf %s ${quote(readFileSync(join(source, file), 'utf8'))} > ${destination}/${file}`);
    }

    before(async () => {
      if (root !== undefined) lower = (await runOk(`${REPO}scripts/debian-root`, [root], { timeoutMs: 280_000 })).trim();
      machines = JSON.parse(await runOk('ruby', [`${REPO}test/support/vagrantfile.rb`, join(folder, 'Vagrantfile')])) as Record<string, Machine>;
      const { cmdb, ...others } = machines;
      assert.ok(cmdb !== undefined);
      await bring('cmdb', cmdb);
      await Promise.all(Object.entries(others).map(([name, machine]) => bring(name, machine)));
    }, { timeout: 300_000 });

    after(() => Promise.all([...hosts.values()].map((host) => host.kill())));

    const host = (name: string): TestHost => {
      const found = hosts.get(name);
      assert.ok(found !== undefined, `there is no machine ${name}`);
      return found;
    };

    test('is a fleet: the CMDB, two hosts and a front', () => {
      assert.deepEqual([...hosts.keys()].sort(), ['cmdb', 'front', 'web1', 'web2']);
    });

    test('serves an app of either host through the front', { timeout: 120_000 }, async () => {
      for (const name of ['web1', 'web2']) {
        await importImage(host(name));
        await host('cmdb').sql(insertApp(`app-of-${name}`, [name]));
      }
      for (const name of ['web1', 'web2']) {
        await host('front').until(async () => (await host('front').request(`app-of-${name}.test`, '/')).status === 200 || 'no answer', { timeoutMs: 20_000, what: `an app of ${name} answers` });
        assert.notEqual(await host(name).ok("systemctl list-units --no-legend --state=active 'fc-ctr-*'"), '');
      }
    });

    test('leaves no secrets in the way, and can run again', { timeout: 120_000 }, async () => {
      for (const name of hosts.keys()) assert.equal((await host(name).sh('ls /home/vagrant')).stdout, '');
      for (const name of ['cmdb', 'web1']) {
        const node = machines[name]?.provisions.find((provision) => provision.name === 'fleet-node');
        await upload(host(name), join(folder, '.vagrant/secrets'), '/home/vagrant/secrets');
        await host(name).ok(fleetNode(node?.inline ?? 'false'), { timeoutMs: 120_000 });
      }
      assert.equal((await host('front').request('app-of-web1.test', '/')).status, 200);
    });
  });
}
