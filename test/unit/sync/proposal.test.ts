/** What fc-sync plan says: from rows as they were and rows as they are, through the decision that a pass would make. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../../src/config/config.ts';
import type { Row, Rows } from '../../../src/model/rows.ts';
import { parseSaid, type Said, saidBy, saidText } from '../../../src/model/said.ts';
import { buildSnapshot, snapshotGeneration } from '../../../src/snapshot/build.ts';
import type { Snapshot } from '../../../src/snapshot/format.ts';
import { decide, type Decision, policyOf, type Situation } from '../../../src/sync/decide.ts';
import { propose } from '../../../src/sync/proposal.ts';
import { painted, proposalJson, proposalLines } from '../../../src/sync/proposal-text.ts';
import type { Observed } from '../../../src/systemd/plan.ts';
import { loadTemplates } from '../../../src/units/load-templates.ts';
import type { Templates } from '../../../src/units/template.ts';

const CONFIG = parseConfig('[host]\nname = web1\n[cmdb]\nurl = mysql://fc@localhost/fc\n[network]\nallow_host = yes\n', 'test.ini', 'fc-sync');
const HOSTS: readonly Row[] = ['web1', 'web2'].map((name, n) => ({ name, address: `192.0.2.${n + 1}`, port: '8079', state: 'active' }));
let templates: Templates;

before(async () => {
  templates = await loadTemplates(fileURLToPath(new URL('../../../templates', import.meta.url)));
});

const app = (name: string, columns: Row = {}): Row => ({ name, image: `localhost/${name}:1`, port: '80', uid_base: '600309760', ...columns });
const domain = (fqdn: string, of: string): Row => ({ fqdn, app: of });
const placed = (of: string, host = 'web1', columns: Row = {}): Row => ({ app: of, host, weight: '100', listen_port: null, ...columns });

function rowsOf(apps: readonly Row[], domains: readonly Row[] = [], placements: readonly Row[] = apps.map((row) => placed(row['name'] ?? '')), hosts = HOSTS): Rows {
  return { revision: '1', hosts, apps, domains, placements };
}

/** A host that did what its rows said, where these apps are awake; then what it makes of other rows. */
interface Moment {
  readonly decision: Decision;
  readonly snapshot: Snapshot;
  readonly said: ReadonlyMap<string, Said>;
}

const NOTHING: Observed = {
  onDisk: new Map(), states: new Map(), links: new Map(), images: { known: new Set(), failures: new Map() }, ports: new Map(), visits: new Map(), namespaces: new Set(), networks: new Set(),
};

function situation(rows: Rows, more: Partial<Situation> = {}): Situation {
  return {
    rows, config: CONFIG, policy: policyOf(CONFIG), templates, rendered: new WeakMap(), observed: NOTHING, snapshot: null,
    state: { incarnations: new Map(), failures: new Map() }, busy: new Set(), ready: new Map(), revert: new Map(), unsettled: new Set(),
    allowRemovals: false, keepFiles: false, nowMs: 1_000_000, ...more,
  };
}

function asTheySay(rows: Rows): Moment {
  const decision = decide(situation(rows));
  const serving = new Map([...decision.desired.values()].map(({ app: one, generation }) => [one.name, snapshotGeneration(one, generation, '10.197.0.1', false)]));
  return {
    decision,
    snapshot: buildSnapshot('web1', decision.fleet, '1', serving, new Set(), null),
    said: new Map([...decision.desired.values()].map(({ app: one, generation }) => [generation.instance, saidBy(one, 0)])),
  };
}

function lines(then: Rows, now: Rows, { awake = [], more = {}, said, incarnations = new Map(), images = true }: { awake?: readonly string[]; more?: Partial<Situation>; said?: ReadonlyMap<string, Said>; incarnations?: Map<string, number>; images?: boolean } = {}): { text: string; json: unknown } {
  const old = asTheySay(then);
  const present = decide(situation(now)).desired;
  const states = new Map([...old.decision.desired.values()].flatMap(({ app: one, generation }) => [
    [generation.units.socket, 'active'] as const,
    ...(awake.includes(one.name) ? [[generation.units.container, 'active'] as const] : []),
  ]));
  for (const { generation } of [...old.decision.desired.values(), ...(images ? present.values() : [])]) if (generation.image !== null) states.set(generation.image.unit, 'active');
  const generations = [...old.decision.desired.values()].map(({ generation }) => generation);
  const decision = decide(situation(now, {
    snapshot: old.snapshot,
    state: { incarnations, failures: new Map() },
    observed: {
      ...NOTHING, states,
      onDisk: new Map(generations.map(({ instance }) => [instance, { complete: true }])),
      links: new Map(generations.map(({ app: name, instance }) => [name, instance])),
      images: { known: new Set(generations.flatMap(({ image }) => (image === null ? [] : [image.id]))), failures: new Map() },
      networks: new Set(generations.map(({ instance }) => instance)),
    },
    ...more,
  }));
  const proposal = propose(decision, 'web1', { snapshot: old.snapshot, said: said ?? old.said, incarnations });
  // Generations are hashes of what units say.
  const text = proposalLines(proposal, decision.plan, decision.fleet.rejections).join('\n').replace(/\b[0-9a-f]{8}\b/g, 'GGGGGGGG').replace(/@[0-9a-f]{16}/g, '@IIIIIIII');
  return { text, json: JSON.parse(JSON.stringify(proposalJson(proposal))) };
}

describe('a plan', () => {
  test('of nothing says so in one line', () => {
    const rows = rowsOf([app('shop'), app('blog')], [domain('shop.example', 'shop')]);
    assert.equal(lines(rows, rows).text, 'In all: no cold start for a visitor; 2 unchanged.');
  });

  test('says of each changed app what has changed, what restarts and how, and never a value of its environment', () => {
    const then = rowsOf([
      app('awake', { env: '{"API_KEY":"old secret","OLD":"x"}' }),
      app('asleep', { idle_timeout_s: '60' }),
      app('edge', { network: 'host', port: '8081' }),
      app('same'),
    ], [domain('awake.example', 'awake')]);
    const now = rowsOf([
      app('awake', { image: 'localhost/awake:2', memory_max: '1G', env: '{"API_KEY":"new secret","DEBUG":"1"}' }),
      app('asleep', { idle_timeout_s: null }),
      app('edge', { network: 'host', port: '8081', tasks_max: '64' }),
      app('same'),
    ], [domain('awake.example', 'awake')]);
    const { text, json } = lines(then, now, { awake: ['awake', 'edge'] });
    assert.equal(text, `Changed:
~ asleep: asleep-GGGGGGGG -> generation GGGGGGGG; asleep or ready, changes at once
    idle_timeout_s: 60 -> NULL
~ awake: awake-GGGGGGGG -> generation GGGGGGGG; awake: started beside the old one, serves once it is ready
    image: localhost/awake:1 -> localhost/awake:2
    memory_max: 512M -> 1G
    env: ~ API_KEY (another value)
    env: + DEBUG
    env: - OLD
~ edge: edge-GGGGGGGG -> generation GGGGGGGG; uses the host's network: the old one is stopped first
    tasks_max: 512 -> 64

In all: 1 hand-over now, visitors of edge wait for a start; 1 unchanged.`);
    assert.doesNotMatch(JSON.stringify(json), /secret/);
    const { costs, apps } = json as { costs: unknown; apps: { app: string; group: string; step: string; changes: unknown[] }[] };
    assert.deepEqual(costs, { handOvers: 1, coldStarts: ['edge'], asleep: 0, goAway: 0, later: 0, imagesFetched: 0, rejected: 0, refused: 0, unchanged: 1 });
    assert.deepEqual(apps.map(({ app: name, group, step }) => [name, group, step]), [['asleep', 'changed', 'switch'], ['awake', 'changed', 'handOver'], ['edge', 'changed', 'replace']]);
    assert.deepEqual(apps[2]?.changes, [{ column: 'tasks_max', from: '512', to: '64' }]);
  });

  test('tells new apps, moves to and from this host, and removals from each other', () => {
    const then = rowsOf([app('gone'), app('leaves'), app('comes'), app('copied'), app('stays')], [domain('gone.example', 'gone')],
      [placed('gone'), placed('leaves'), placed('comes', 'web2'), placed('copied'), placed('stays')]);
    const now = rowsOf([app('leaves'), app('comes'), app('copied'), app('stays'), app('fresh', { lifetime_s: '3600', memory_max: '512M' })], [domain('fresh.example', 'fresh')],
      [placed('leaves', 'web2'), placed('comes'), placed('copied'), placed('copied', 'web2', { weight: '50' }), placed('stays'), placed('fresh')]);
    const { text } = lines(then, now, { more: { allowRemovals: true } });
    assert.equal(text.split('\nIn all:')[0], `New here:
+ fresh: new, generation GGGGGGGG; asleep until its first request
    image: localhost/fresh:1
    port: 80
    lifetime_s: 3600
    domains: + fresh.example

Moved:
+ comes: new, generation GGGGGGGG; asleep until its first request
    comes from web2
    image: localhost/comes:1
    port: 80
    placements: + web1
    placements: - web2
- leaves: removed; leaves-GGGGGGGG finishes what it has
    goes to web2
    placements: - web1
    placements: + web2

Removed:
- gone: removed; gone-GGGGGGGG finishes what it has

Only where requests go: nothing restarts:
~ copied
    placements: + web2
`);
    assert.match(text, /\nIn all: no cold start for a visitor, 2 apps are new here and asleep until the first visit, .*2 apps go away; 2 unchanged\.$/);
  });

  test('tells what concerns routes alone: domains, weights, hosts, waiting_page', () => {
    const then = rowsOf([app('shop')], [], [placed('shop'), placed('shop', 'web2')]);
    const now = rowsOf([app('shop', { waiting_page: '2' })], [], [placed('shop', 'web1', { weight: '300' }), placed('shop', 'web2')],
      [{ ...HOSTS[0], state: 'draining' }, HOSTS[1] ?? {}] as Row[]);
    assert.equal(lines(then, now).text, `Only where requests go: nothing restarts:
~ shop
    placements: ~ web1, weight 100 -> 300
    waiting_page: 2
~ host web1
    state: active -> draining

In all: no cold start for a visitor; 1 unchanged.`);
  });

  test('a changed domain makes another generation, and is told as what it is', () => {
    const then = rowsOf([app('shop')], [domain('shop.example', 'shop')]);
    const now = rowsOf([app('shop')], [domain('shop.example', 'shop'), domain('www.shop.example', 'shop')]);
    assert.match(lines(then, now, { awake: ['shop'] }).text, /^~ shop: .*started beside the old one.*\n {4}domains: \+ www\.shop\.example\n {4}its units name its domains\n\n/m);
  });

  test('says what is mended of apps that do not change', () => {
    const rows = rowsOf([app('shop')]);
    const { text } = lines(rows, rows, { more: { observed: { ...NOTHING, onDisk: new Map([...asTheySay(rows).decision.desired.values()].map(({ generation }) => [generation.instance, { complete: true }])) } } });
    assert.match(text, /^Besides:\n {2}fc-image@I+\.service: looks for localhost\/shop:1, .*\n {2}fc-app-shop-G+\.socket: starts to listen\n\nIn all: no cold start for a visitor, 1 image looked for; 1 unchanged\.$/);
  });

  test('says what waits, and for what', () => {
    const then = rowsOf([app('shop')]);
    const { text } = lines(then, rowsOf([app('shop', { image: 'localhost/shop:2' })]), { awake: ['shop'], images: false });
    assert.match(text, /^Waiting:\n~ shop: shop-GGGGGGGG -> generation GGGGGGGG; serves once its image localhost\/shop:2 is here \(fc-image@IIIIIIII\.service\)\n {4}image: localhost\/shop:1 -> localhost\/shop:2\n/);
    assert.match(text, /In all: no cold start for a visitor, 1 image looked for, 1 app changes later; 0 unchanged\.$/);
  });

  test('says which rows are rejected, why, and what becomes of their app', () => {
    const then = rowsOf([app('shop'), app('blog')]);
    const now = rowsOf([app('shop', { memory_max: '512 elephants' }), app('blog')], [domain('not a name', 'blog')]);
    const { text } = lines(then, now);
    assert.match(text, /^Rejected rows:\n! apps 'shop', column memory_max: .*512 elephants.* \(app shop\); it stays as it is\n! domains 'not a name', column fqdn: .*; the row is left out\n\n/);
    assert.match(text, /^Left as they are:\n= shop: left as it is, its row was rejected\n/m);
    assert.match(text, /2 rows rejected; 1 unchanged\.$/);
  });

  test('says that a removal is refused, and how it is done if it is meant', () => {
    const { text } = lines(rowsOf([app('shop'), app('blog')]), rowsOf([]));
    assert.match(text, /= shop: left as it is, its removal was refused: --allow-removals, if it is meant/);
    assert.match(text, /2 removals refused; 0 unchanged\.$/);
  });

  test('says why a generation changes whose row does not: its age, or nothing that is known', () => {
    const rows = rowsOf([app('shop', { lifetime_s: '60' })]);
    assert.match(lines(rows, rows, { awake: ['shop'], incarnations: new Map([['shop', 1]]) }).text, /^ {4}its lifetime is over: a fresh container takes over$/m);
    assert.match(lines(rows, rowsOf([app('shop', { lifetime_s: '90' })]), { said: new Map() }).text, /^ {4}what its row said before is not known$/m);
  });

  test('on a terminal, signs and titles stand out, and nothing else', () => {
    const lines = ['Changed:', '+ a: new', '- b: removed', '~ c', '! d', '= e', '    env: - X', '', 'In all: it is so.'];
    assert.deepEqual(lines.map((line) => painted(line, (colour, text) => `${colour}:${text}`)),
      ['bold:Changed:', 'green:+ a: new', 'red:- b: removed', 'yellow:~ c', 'red:! d', 'dim:= e', '    env: - X', '', 'bold:In all: it is so.']);
  });

  test('values from rows move no cursor and fill no screen', () => {
    const then = rowsOf([app('shop')]);
    const { text } = lines(then, rowsOf([app('shop', { command: JSON.stringify(['/x', '\u001b[2J', 'y'.repeat(5000)]) })]));
    assert.ok(text.split('\n').every((line) => line.length < 300));
    assert.doesNotMatch(text, /\u001b/);
  });
});

describe('what a row said', () => {
  test('is read as it was written', () => {
    const [wanted] = decide(situation(rowsOf([app('shop', { env: '{"A":"b"}', volumes: '["/srv/fastcontainer/a:/b:ro"]', command: '["/x","y"]' })]))).desired.values();
    assert.ok(wanted !== undefined);
    const said = saidBy(wanted.app, 3);
    assert.deepEqual(parseSaid(saidText(said)), said);
    assert.doesNotMatch(saidText(said), /"b"/);
  });

  for (const text of ['', 'x', '{}', 'null', '[]', '{"incarnation":"1","columns":{},"env":{}}', '{"incarnation":1,"columns":null,"env":{}}']) {
    test(`${JSON.stringify(text)} says nothing`, () => { assert.equal(parseSaid(text), null); });
  }

  test('parts of it that are none are left out', () => {
    assert.deepEqual(parseSaid('{"incarnation":1,"columns":{"a":1,"b":null,"c":"x"},"env":{"d":2}}'), { incarnation: 1, columns: new Map([['b', null], ['c', 'x']]), env: new Map() });
  });
});
