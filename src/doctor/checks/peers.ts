import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { ConfigError } from '../../config/error.ts';
import { type FleetTls, loadTls } from '../../config/tls.ts';
import { ifThere } from '../../files.ts';
import type { Host as HostRow } from '../../model/app.ts';
import { HopAgent } from '../../proxy/hop-connect.ts';
import { HOP } from '../../proxy/headers.ts';
import { ALIVE_PATH } from '../../proxy/peer.ts';
import { parseTokens } from '../../proxy/tokens.ts';
import { NotLooked, check } from '../check.ts';
import { advice, atMost, error, type Finding, warning } from '../finding.ts';
import { TOKENS_FILE } from './tokens.ts';

export interface PeerFacts {
  readonly host: HostRow;
  /** The status of its sign of life, or why there was none. */
  readonly answer: number | { readonly code: string; readonly message: string };
}

export function judgePeers(peers: readonly PeerFacts[]): readonly Finding[] {
  return atMost(20, peers.flatMap(({ host, answer }): Finding[] => {
    if (answer === 204) return [];
    const where = `${host.name} at ${host.address} port ${host.port}`;
    if (typeof answer === 'number') return [warning(`the host ${where} answered ${answer} where fc-proxy answers 204`, 'another program may listen there', advice('see what listens there, and that hosts.address and hosts.port are right'))];
    switch (answer.code) {
      case 'ECONNRESET':
        return [error(`the host ${where} hangs up`, 'no request passes from here to there', advice(`it does not accept this host's token (compare ${TOKENS_FILE}), or only one of the two has TLS ([fleet] tls_certificate)`))];
      case 'ECONNREFUSED':
        return [warning(`the host ${where} refuses connections`, 'requests go to other placements, or fail', advice('there: systemctl restart fc-proxy-internal.socket fc-proxy.service'))];
      default:
        return [/TLS|CERT|SSL|SELF_SIGNED|UNABLE_TO/.test(answer.code)
          ? error(`the host ${where} does not prove that it is ${host.name}: ${answer.message}`, 'no request passes from here to there', advice('there: fc-doctor --only tls; here: see that [fleet] tls_ca is the authority of its certificate'))
          : warning(`the host ${where} cannot be reached: ${answer.message}`, 'requests go to other placements, or fail', advice('see whether it runs, and whether a firewall lets this host in'))];
    }
  }));
}

export default check<readonly PeerFacts[]>({
  id: 'peers',
  looksAt: "each other host's internal listener: whether it answers, accepts this host's token and proves its name",
  look: async (host) => {
    const [snapshot, config] = await Promise.all([host.snapshot(), host.config()]);
    const others = (snapshot?.hosts ?? []).filter(({ name, state }) => name !== config.host.name && state !== 'down');
    if (others.length === 0) return [];
    const token = tokenOf(await ifThere(readFile(TOKENS_FILE, 'utf8')));
    if (token === null) throw new NotLooked('this host has no token to show (check "tokens")');
    const tls = config.fleet.tls === null ? null : tlsOf(() => loadTls(config.fleet.tls ?? { certificate: '', key: '', ca: null }, host.configFile));
    return await Promise.all(others.map(async (row): Promise<PeerFacts> => ({ host: row, answer: await ask(row, token, tls) })));
  },
  judge: judgePeers,
});

function tokenOf(text: string | null): string | null {
  try {
    return text === null ? null : parseTokens(text)[0] ?? null;
  } catch {
    return null;
  }
}

function tlsOf(load: () => FleetTls): FleetTls {
  try {
    return load();
  } catch (cause) {
    if (cause instanceof ConfigError) throw new NotLooked('the files of [fleet] cannot be used (check "tls")');
    throw cause;
  }
}

const ANSWER_MS = 5_000;

function ask(host: HostRow, token: string, tls: FleetTls | null): Promise<PeerFacts['answer']> {
  return new Promise((resolve) => {
    const asking = request({ host: host.address, port: host.port, path: ALIVE_PATH, headers: { host: host.name, [HOP.app]: '', [HOP.token]: token }, agent: new HopAgent(host, tls), timeout: ANSWER_MS }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asking.on('timeout', () => { asking.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)); });
    asking.on('error', (failure) => {
      // Why there was no connection is its cause.
      const cause = failure.cause instanceof Error ? failure.cause : failure;
      resolve({ code: 'code' in cause && typeof cause.code === 'string' ? cause.code : '', message: cause.message });
    });
    asking.end();
  });
}
