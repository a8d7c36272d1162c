/** Asks the CMDB what the rows of an app say now. Nothing is changed there or here. */
import { reach } from '../cmdb/reach.ts';
import { type AppRows, readApp } from '../cmdb/read-app.ts';
import type { Config } from '../config/config.ts';
import type { Policy } from '../model/column.ts';
import { parseFleet } from '../model/parse.ts';
import { policyOf } from '../sync/decide.ts';
import { renderApp } from '../units/render.ts';
import type { Templates } from '../units/template.ts';
import type { CmdbFacts, Question } from './facts.ts';

/** What a generation's name is made of besides the rows. */
export interface Making {
  readonly config: Config;
  readonly templates: Templates;
  /** How often fc-sync has recycled an app. */
  readonly incarnationOf: (app: string) => number;
}

/** @throws CmdbError when no address of it lets itself be read; ConfigError */
export async function lookAtCmdb(question: Question, app: string | null, making: Making): Promise<CmdbFacts> {
  const asked = question.kind === 'host' && app === null ? { host: question.name } : { app: app ?? question.name };
  const { connection, value } = await reach(making.config.cmdb, (candidate) => readApp(candidate, asked));
  connection.close();
  return { address: connection.address, ...factsOf(value, making) };
}

/** Pure. */
export function factsOf({ app, rows, rule, changed }: AppRows, { config, templates, incarnationOf }: Making): Omit<CmdbFacts, 'address'> {
  const policy: Policy = policyOf(config);
  const { rejections, apps } = parseFleet(rows, policy);
  const [row] = rows.apps;
  const good = apps.find(({ name }) => name === app);
  const isHere = good?.placements.some(({ host }) => host === config.host.name) === true;
  return {
    revision: rows.revision, changed, rule,
    app: row === undefined ? 'absent' : row['enabled'] === '0' ? 'disabled' : good === undefined ? 'rejected' : 'good',
    placedOn: rows.placements.flatMap(({ host }) => host ?? []),
    domains: rows.domains.flatMap(({ fqdn }) => fqdn ?? []),
    rejections: rejections.filter(({ table, key }) => table !== 'hosts' || key === config.host.name.toLowerCase()),
    generation: good === undefined || !isHere ? null
      : renderApp(good, { incarnation: incarnationOf(good.name), cgroups: config.podman.cgroups, domainsInDescription: true }, templates).id,
  };
}
