/** Why a host name gives a 404, or an app's name leads to nothing. Pure. */
import type { Facts } from './facts.ts';
import { valueOf } from './facts.ts';
import { rejectionsOf } from './rows.ts';
import { say, type Section, type Sentence } from './say.ts';
import { hostName, isBlind, routeOf } from './standing.ts';
import { ago, listed } from './words.ts';

export function whyNotFound(facts: Facts): Section | null {
  const { app, question } = facts;
  if (app !== null) return notPlaced(facts);
  if (isBlind(facts)) return null;
  const sentences = question.kind === 'host' ? [reason(facts), ...nearby(facts)] : [...noApp(facts), ...nearby(facts)];
  return { title: question.kind === 'host' ? `Why does ${question.name} give a 404?` : `Where is ${question.name}?`, wrong: true, sentences };
}

/** It is known, and may be asked for nowhere. */
function notPlaced(facts: Facts): Section | null {
  const route = routeOf(facts);
  if (route === null || route.placements.length > 0 || route.here !== null) return null;
  return {
    title: 'Why does nobody get it?', wrong: true,
    sentences: [say('No placement of it is known, so requests for it are answered with 503.', `INSERT INTO placements (app, host) VALUES ('${facts.app}', '${facts.host ?? 'HOST'}');`)],
  };
}

/** The host name's: the rows now, if they were read, else what fc-sync made of them. */
function reason(facts: Facts): Sentence {
  const { name } = facts.question;
  const rows = valueOf(facts.cmdb);
  const snapshot = valueOf(facts.snapshot);
  const rejected = rejectionsOf(facts);
  if (/^[0-9.]+$|:/.test(name)) return say('An address is no domain: an app is found by its host name.', 'curl -H \'Host: shop.example\' http://ADDRESS/');
  const rule = rows?.rule ?? null;
  if (rows !== null && rule !== null) {
    const { fqdn, app } = rule;
    const row = `domains: ('${fqdn}', '${app}')`;
    switch (rows.app) {
      case 'absent': return say(`A row leads from it to the app ${app}, which is not in the table apps.`, row);
      case 'disabled': return say(`It is a domain of the app ${app}, which is switched off: apps.enabled is 0, so none of its domains leads anywhere.`, row, `UPDATE apps SET enabled = 1 WHERE name = '${app}';`);
      case 'rejected': case 'good':
    }
    if (rejected.length > 0) return say(`It is to lead to the app ${app}, but a row was rejected: see below.`, row);
    if (snapshot === null) return say(`It is a domain of the app ${app}.`, row);
    return say(`It is a domain of the app ${app}, but ${hostName(facts)} does not know yet: what fc-proxy goes by is older than that row.`, row,
      `the CMDB is at change ${rows.revision}, ${hostName(facts)} at ${snapshot.revision}, written ${ago(snapshot.writtenAt, facts.at)}`);
  }
  if (rejected.some(({ table }) => table === 'domains')) return say('There is a row for it in the table domains, which was rejected: see below.');
  if (rows !== null) return say('No row of the table domains has it, neither by itself nor by a wildcard.', `INSERT INTO domains (fqdn, app) VALUES ('${name}', 'APP');`);
  return say(`No domain that ${hostName(facts)} knows is it, and no wildcard covers it.`, snapshot !== null && `what fc-proxy goes by was written ${ago(snapshot.writtenAt, facts.at)}, at change ${snapshot.revision}`);
}

function noApp(facts: Facts): readonly Sentence[] {
  const rows = valueOf(facts.cmdb);
  const rejected = rejectionsOf(facts).length > 0;
  if (rejected) return [say('Its row was rejected, and nothing of it served before: see below.')];
  if (rows === null) return [say('No app of that name is known here; whether the CMDB has one could not be seen.')];
  switch (rows.app) {
    case 'absent': return [say('The table apps has no row of that name.', `at ${rows.address}`)];
    case 'disabled': return [say('Its row says that it is to be nowhere: apps.enabled is 0.', `UPDATE apps SET enabled = 1 WHERE name = '${facts.question.name}';`)];
    default: return [say(rows.placedOn.length === 0 ? 'No row places it on a host, so nobody has it.' : `Its row is there, placed on ${listed(rows.placedOn)}; ${hostName(facts)} does not know of it yet.`)];
  }
}

/** Unless it is known to be what was meant. */
function nearby({ nearest, cmdb, question }: Facts): readonly Sentence[] {
  const rows = valueOf(cmdb);
  const isMeant = rows !== null && (question.kind === 'host' ? rows.rule !== null : rows.app !== 'absent');
  return isMeant || nearest.length === 0 ? [] : [say(`There ${nearest.length === 1 ? 'is' : 'are'} ${listed(nearest)}; was ${nearest.length === 1 ? 'that' : 'one of them'} meant?`)];
}
