import { request } from 'node:http';
import { availableParallelism, totalmem } from 'node:os';
import { processCount } from '../../proxy/processes.ts';
import { check } from '../check.ts';
import { command, error, type Finding, warning } from '../finding.ts';
import { showUnits } from '../units.ts';
import { portsIn } from './host-row.ts';

export interface ProxyFacts {
  readonly active: string;
  readonly sub: string;
  /** Processes that are to be there, and that are. */
  readonly wanted: number;
  readonly running: number;
  /** Where it was asked, and what it said: a status, or why there was none; null: fc-proxy.socket has no TCP port. */
  readonly asked: { readonly port: number; readonly answer: number | string } | null;
}

export function judgeProxy({ active, sub, wanted, running, asked }: ProxyFacts): readonly Finding[] {
  if (sub === 'auto-restart') return [error('fc-proxy ends as soon as it starts', 'no app is reached', command('journalctl --no-pager --lines=20 --unit=fc-proxy; systemctl restart fc-proxy'))];
  if (active !== 'active') return [error(`fc-proxy.service is ${active}`, 'no app is reached but through its socket or port', command('systemctl start fc-proxy'))];
  const findings: Finding[] = [];
  if (asked !== null && asked.answer !== 204) {
    const answer = typeof asked.answer === 'number' ? `it answered ${asked.answer}` : asked.answer;
    findings.push(error(`fc-proxy does not answer at port ${asked.port} as it should: ${answer}`, 'no app is reached', command('systemctl restart fc-proxy.socket fc-proxy.service')));
  }
  if (running !== wanted) {
    findings.push(warning(`${running} ${running === 1 ? 'process' : 'processes'} of fc-proxy ${running === 1 ? 'runs' : 'run'}, and ${wanted} should ([proxy] processes)`, 'a restart makes them so many, and loses no request', command('systemctl restart fc-proxy')));
  }
  return findings;
}

export default check<ProxyFacts>({
  id: 'proxy',
  looksAt: 'that fc-proxy runs, in as many processes as configured, and answers at its port (asked about itself, so no app wakes)',
  look: async (host) => {
    const [shown, units, config] = await Promise.all([showUnits(['fc-proxy.service', 'fc-proxy.socket'], ['ActiveState', 'SubState', 'Listen']), host.units(), host.config()]);
    const service = shown.get('fc-proxy.service');
    const [port] = portsIn(shown.get('fc-proxy.socket')?.get('Listen') ?? '');
    const active = service?.get('ActiveState') ?? 'unknown';
    const others = [...units.values()].filter(({ unit, active: state }) => /^fc-proxy@[0-9]+\.service$/.test(unit) && state === 'active').length;
    return {
      active, sub: service?.get('SubState') ?? '',
      wanted: processCount(config.proxy.processes, availableParallelism(), totalmem()),
      running: (active === 'active' ? 1 : 0) + others,
      asked: port === undefined ? null : { port, answer: await ask(port) },
    };
  },
  judge: judgeProxy,
});

const ANSWER_MS = 5_000;

/** OPTIONS * is about the server (RFC 9110 9.3.7). */
function ask(port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const asking = request({ host: '127.0.0.1', port, method: 'OPTIONS', path: '*', headers: { host: 'localhost' }, agent: false, timeout: ANSWER_MS }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asking.on('timeout', () => { asking.destroy(new Error(`nothing within ${ANSWER_MS / 1000} s`)); });
    asking.on('error', ({ message }) => { resolve(message); });
    asking.end();
  });
}
