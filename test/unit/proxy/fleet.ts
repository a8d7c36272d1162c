/** A fleet in this process: several fc-proxies on loopback that know each other. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Host, Placement } from '../../../src/model/app.ts';
import type { Snapshot, SnapshotApp } from '../../../src/snapshot/format.ts';
import { generationOf, portOf, testApp, testProxy, type TestApp, type TestProxy, type TestProxyOptions } from './support.ts';

export interface Member extends TestProxy {
  readonly name: string;
  readonly app: TestApp;
}

export interface Fleet {
  readonly members: readonly Member[];
  /** The rows of the hosts; those of `Silent` hosts and the like may be added. */
  readonly hosts: Host[];
  /** What a member is told when the app `app` (domain app.example) has these placements. */
  view(member: string, placements: Record<string, number>, waitingPageS?: number | null): Snapshot;
  /** Tells all of them. */
  place(placements: Record<string, number>, waitingPageS?: number): void;
  member(name: string): Member;
}

/** Hosts by name, each with an app of its own that would serve there. */
export async function testFleet(t: TestContext, apps: Record<string, RequestListener>, options: TestProxyOptions | ((name: string) => TestProxyOptions) = {}): Promise<Fleet> {
  const members: Member[] = [];
  for (const [name, listener] of Object.entries(apps)) {
    const app = await testApp(t, listener);
    members.push({ name, app, ...await testProxy(t, null, typeof options === 'function' ? options(name) : options) });
  }
  const hosts: Host[] = members.map(({ name, internal }) => ({ name, address: '127.0.0.1', port: internal, state: 'active' }));
  const member = (name: string): Member => {
    const found = members.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no member ${name}`);
    return found;
  };
  const view = (name: string, placements: Record<string, number>, waitingPageS: number | null = null): Snapshot => {
    const rows: Placement[] = Object.entries(placements).map(([host, weight]) => ({ host, weight, listenPort: null }));
    const here = name in placements ? generationOf('app', { port: member(name).app.port }) : null;
    const app: SnapshotApp = { name: 'app', domains: ['app.example'], placements: rows, waitingPageS, here };
    return { format: 1, host: name, revision: '1', hosts: [...hosts], apps: [app] };
  };
  return {
    members, hosts, view, member,
    place(placements, waitingPageS) { for (const one of members) one.follow(view(one.name, placements, waitingPageS)); },
  };
}

/** A port that accepts connections and says nothing, or, once `mute` is called, not even to those it has. */
export async function deafPort(t: TestContext): Promise<{ port: number; server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: portOf(server), server, sockets };
}

/** A port of loopback that nobody listens on. */
export async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}
