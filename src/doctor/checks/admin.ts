import { request } from 'node:http';
import { check } from '../check.ts';
import { command, type Finding, warning } from '../finding.ts';
import { showUnits } from '../units.ts';

export interface AdminFacts {
  readonly active: string;
  readonly sub: string;
  /** Status of its answer, or why there was none. */
  readonly answer: number | string;
}

export function judgeAdmin({ active, sub, answer }: AdminFacts): readonly Finding[] {
  const means = 'fc-status, fc-why, the page and /metrics show nothing; apps are served all the same';
  if (sub === 'auto-restart') return [warning('fc-admin ends as soon as it starts', means, command('journalctl --no-pager --lines=20 --unit=fc-admin; systemctl restart fc-admin.service'))];
  if (active !== 'active') return [warning(`fc-admin.service is ${active}`, means, command('systemctl start fc-admin.service'))];
  if (answer === 200) return [];
  return [warning(`fc-admin does not answer as it should: ${typeof answer === 'number' ? `it answered ${answer}` : answer}`, means, command('systemctl restart fc-admin.socket fc-admin.service'))];
}

export default check<AdminFacts>({
  id: 'admin',
  looksAt: 'that fc-admin, which says how this host stands, runs and answers',
  look: async () => {
    const service = (await showUnits(['fc-admin.service'], ['ActiveState', 'SubState'])).get('fc-admin.service');
    return { active: service?.get('ActiveState') ?? 'unknown', sub: service?.get('SubState') ?? '', answer: await ask() };
  },
  judge: judgeAdmin,
});

const SOCKET = '/run/fc-admin/admin.sock';
const ANSWER_MS = 5_000;

function ask(): Promise<number | string> {
  return new Promise((resolve) => {
    const asking = request({ socketPath: SOCKET, method: 'HEAD', path: '/state.json', headers: { host: 'localhost' }, agent: false, timeout: ANSWER_MS }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asking.on('timeout', () => { asking.destroy(new Error(`nothing within ${ANSWER_MS / 1000} s`)); });
    asking.on('error', ({ message }) => { resolve(message); });
    asking.end();
  });
}
