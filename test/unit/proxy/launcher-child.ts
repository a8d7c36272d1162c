/** fc-proxy as the launcher's tests start it: `launcher-child.ts APP_PORT`, with a systemd that does as told. */
import { Activator } from '../../../src/proxy/activate.ts';
import { Books } from '../../../src/proxy/books.ts';
import { systemClock as clock } from '../../../src/proxy/clock.ts';
import { findLauncher } from '../../../src/proxy/launcher.ts';
import { Peers } from '../../../src/proxy/peers.ts';
import { Router } from '../../../src/proxy/router.ts';
import { ProxyServer } from '../../../src/proxy/server.ts';
import { SickPlaces } from '../../../src/proxy/sick.ts';
import { FleetTokens } from '../../../src/proxy/tokens.ts';
import { inheritedSockets } from '../../../src/systemd/sockets.ts';
import { appOf, FakeManager, generationOf, MemoryLog, ownStarts, snapshotOf } from './support.ts';

const manager = new FakeManager();
const log = new MemoryLog();
const books = new Books(clock);
const activator = new Activator({ manager, clock, log, starts: ownStarts({ manager, clock, log, maxStarts: 4 }), books, maxWaiting: 1024 });
const router = new Router({ manager, clock, log, reload: () => Promise.resolve() });
router.follow(snapshotOf(appOf('app', ['app.example'], generationOf('app', { port: Number(process.argv[2]) }))));
const tokens = new FleetTokens([]);
const peers = new Peers({ tokens, tls: null, clock, log });
const server = new ProxyServer({ activator, router, peers, sick: new SickPlaces(clock, log), books, tokens, tls: null, adminSocket: '/nonexistent/admin.sock', clock, log, trusted: () => false });
const launcher = findLauncher();
const told = new Promise<void>((resolve) => {
  process.once('SIGTERM', () => { resolve(); });
  launcher.onGone(resolve);
});
for (const { fd } of inheritedSockets()) await server.listen({ fd });
process.stdout.write(`ready ${process.pid}\n`);
await told;
const left = await server.drain(20_000, () => { launcher.stopped(); });
process.stdout.write(`drained ${left} ${process.pid}\n`);
process.exit(0);
