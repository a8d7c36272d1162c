/** On which other hosts the app is. Pure. */
import { say, type Section, type Sentence } from './say.ts';
import { valueOf, type Facts } from './facts.ts';
import { hostName, routeOf } from './standing.ts';
import { counted } from './words.ts';

export function elsewhere(facts: Facts): Section | null {
  const others = (routeOf(facts)?.placements ?? []).filter(({ host }) => host !== facts.host);
  if (others.length === 0) return null;
  const hosts = new Map((valueOf(facts.snapshot)?.hosts ?? []).map((host) => [host.name, host]));
  const lines = others.slice(0, 12).map(({ host, weight }) => {
    const known = hosts.get(host);
    return `${host}${known === undefined ? ': no host of that name is known' : ` (${known.address}), ${known.state}`}${weight === 100 ? '' : `, weight ${weight}`}`;
  });
  const up = others.filter(({ host }) => hosts.get(host)?.state !== 'down');
  const here = (routeOf(facts)?.here ?? null) !== null;
  const sentences: Sentence[] = [
    say(`It is ${here ? 'also ' : ''}placed on ${counted(others.length, 'other host')}${here ? ', and a request goes to the one with the least in flight for its weight' : ` and not on ${hostName(facts)}, which passes requests for it on`}.`, ...lines, others.length > lines.length && `and ${others.length - lines.length} more`),
    ...(up.length > 0 ? [say('What it does there, each of them knows.', ...up.slice(0, 3).map(({ host }) => `ssh ${host} fc-why ${facts.app}`), 'fc-status --fleet')]
      : [say('All of them are down: nobody can be asked.')]),
  ];
  return { title: here ? 'Where else is it?' : 'Where is it?', wrong: !here && up.length === 0, sentences };
}
