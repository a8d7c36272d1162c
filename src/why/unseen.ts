/** What could not be looked at: an answer is worth what was seen. Pure. */
import { type Facts, type Seen, valueOf } from './facts.ts';
import { say, type Section } from './say.ts';

export function notSeen(facts: Facts): Section | null {
  const parts: readonly (readonly [what: string, seen: Seen<unknown>])[] = [
    ['requests, what woke it and starts that failed, of which fc-admin knows', facts.status],
    ['the requests in flight', 'missing' in facts.status ? { value: null } : facts.inFlight],
    ['what fc-proxy goes by, the snapshot', facts.snapshot],
    ['what fc-sync did last', facts.report],
    ['what systemd says', facts.systemd],
    ['the rows of the CMDB', facts.cmdb],
  ];
  const sentences = parts.flatMap(([what, seen]) => ('missing' in seen ? [say(`Not seen: ${what}.`, seen.missing)] : []));
  const proxies = valueOf(facts.status)?.proxy.processes;
  if (proxies === 0) sentences.push(say('Not seen: what fc-proxy does, as no process of it tells fc-admin.', 'systemctl status \'fc-proxy*\''));
  if (!facts.root && sentences.length > 0) sentences.push(say('Root sees all of it.', `sudo fc-why ${facts.question.name}`));
  return { title: 'What could not be seen', wrong: false, sentences };
}
