/**
 * Several booted hosts that share one CMDB, each made a host of the fleet as an operator would: scripts/provision, and
 * one row.
 */
import { fileURLToPath } from 'node:url';
import { type AppRow, bootHost, importImage, insertApp, quote, type TestHost } from './host.ts';

const REPO = fileURLToPath(new URL('../..', import.meta.url));

export interface FleetOptions {
  /** Where the CMDB is. It takes requests, too, as a front, unless `cmdbOnly`. */
  readonly cmdb: string;
  readonly cmdbOnly?: boolean;
  /** The others: names of their rows, up to 12 of a-z, 0-9, -. */
  readonly hosts: readonly string[];
  /** A folder of this machine that all of them see, and where: `/tmp/x:/srv/shared`. */
  readonly bind?: string;
}

/** Where an app runs: the names of hosts, or weights by their names. */
export type Placed = readonly string[] | Readonly<Record<string, number>>;

export class TestFleet {
  readonly cmdb: TestHost;
  readonly #hosts = new Map<string, TestHost>();

  private constructor(cmdb: TestHost) {
    this.cmdb = cmdb;
  }

  /** Boots and provisions them, the CMDB's first. Kill the fleet in the test's after(). */
  static async boot({ cmdb, cmdbOnly = false, hosts, bind }: FleetOptions): Promise<TestFleet> {
    const bare = await Promise.all([cmdb, ...hosts].map((name) => bootHost(name, { row: name, provision: false, ...(bind === undefined ? {} : { bind }) })));
    const [first, ...others] = bare as [TestHost, ...TestHost[]];
    const fleet = new TestFleet(first);
    for (const host of bare) fleet.#hosts.set(host.row, host);
    try {
      await first.ok(`${REPO}scripts/provision --no-packages ${cmdbOnly ? '--cmdb-only' : `--with-mariadb --host ${cmdb}`} --mariadb-bind ${first.address}`, { timeoutMs: 120_000 });
      if (!cmdbOnly) await Promise.all([fleet.addRow(first), importImage(first)]);
      await Promise.all(others.map((host) => fleet.join(host)));
    } catch (error) {
      await fleet.kill();
      throw error;
    }
    return fleet;
  }

  host(name: string): TestHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`the fleet has no host ${name}`);
    return host;
  }

  /** A bare machine becomes a host of the fleet: password and token, scripts/provision, the test's image, its row. */
  async join(host: TestHost, ...options: readonly string[]): Promise<void> {
    await this.provision(host, ...options);
    await this.addRow(host);
    this.#hosts.set(host.row, host);
  }

  /** join() without the row. What scripts/provision said. */
  async provision(host: TestHost, ...options: readonly string[]): Promise<string> {
    const secrets = await this.cmdb.ok('cat /etc/fastcontainer/cmdb.password /etc/fastcontainer/fleet-tokens');
    const [password = '', ...tokens] = secrets.trimEnd().split('\n');
    const said = await host.ok(`
      umask 077
      printf '%s\\n' ${quote(password)} > /root/cmdb.password
      printf '%s\\n' ${quote(tokens.join('\n'))} > /root/fleet-tokens
      ${REPO}scripts/provision --no-packages --host ${host.row} --cmdb mysql://fc@${this.cmdb.address}/fastcontainer \\
        --cmdb-password /root/cmdb.password --fleet-token /root/fleet-tokens ${options.join(' ')} 2>&1
      rm /root/cmdb.password /root/fleet-tokens
    `, { timeoutMs: 120_000 });
    await importImage(host);
    return said;
  }

  async addRow(host: TestHost): Promise<void> {
    await this.cmdb.sql(`INSERT INTO hosts (name, address) VALUES (${quote(host.row)}, ${quote(host.address)})`);
  }

  /** An empty machine takes the place, and the row, of a host that is gone. */
  async replace(host: TestHost): Promise<void> {
    await this.cmdb.sql(`UPDATE hosts SET address = ${quote(host.address)} WHERE name = ${quote(host.row)}`);
    await this.provision(host);
    this.#hosts.set(host.row, host);
  }

  /** An app (see TestHost.addApp) placed on these hosts. Says nothing of when they know. */
  async place(app: string, on: Placed, values: AppRow = {}, domains: readonly string[] = [`${app}.test`]): Promise<void> {
    await this.cmdb.sql(insertApp(app, on, values, domains));
  }

  /** One of them ends; kill() of the fleet leaves it out then. */
  async killHost(name: string): Promise<void> {
    const host = this.host(name);
    this.#hosts.delete(name);
    await host.kill();
  }

  async kill(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.kill()));
  }
}
