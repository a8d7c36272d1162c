/** The command line of fc-status. */
import { APP_STATES, type AppStateName } from '../admin/state.ts';
import { PLACED, SORT_KEYS, type Wish } from '../status/rows.ts';
import { readArguments, UsageError, type CommandSpec } from './spec.ts';

const LONGEST_INTERVAL_S = 86_400;

export const FC_STATUS: CommandSpec = {
  name: 'fc-status',
  section: 1,
  summary: "show this host's apps, or the whole fleet's",
  forms: ['[OPTION]... [WORD]...'],
  description: [
    'Shows what apps are awake, starting, handing over or in trouble, since when, what they do and what they cost; above that how the host is, below it what is wrong and why. Apps that are asleep are counted, and shown with --all, or when they are asked for by a WORD or --state.',
    'A WORD is the name of an app or one of its domains; * and ? in it stand for any characters, and for one.',
    'On a terminal the table fits its width. Elsewhere nothing is cut off, every column is there, and none has a space in it, so that awk can read it.',
  ],
  options: [
    { name: 'all', short: 'a', doc: 'the apps that are asleep, too' },
    { name: 'state', value: 'STATE', multiple: true, completes: APP_STATES, doc: `only apps in this state; several, separated by commas or given one by one: ${APP_STATES.join(', ')}` },
    { name: 'sort', short: 's', value: 'KEY', completes: SORT_KEYS, doc: `${SORT_KEYS.join(', ')}; state unless given: what is in trouble first, then what starts, then what is awake` },
    { name: 'reverse', short: 'r', doc: 'the other way round' },
    { name: 'fleet', short: 'f', doc: "the apps of all hosts of the fleet: this host asks the others" },
    { name: 'watch', short: 'w', doc: 'go on, until q or ^C; on a terminal in place, elsewhere one table after the other' },
    { name: 'interval', short: 'n', value: 'SECONDS', doc: 'with --watch: how often; 2 unless given' },
    { name: 'json', doc: 'all that is known, as JSON; sleeping apps, too. With --watch a line each time' },
    { name: 'no-legend', doc: 'the rows alone, without titles and what stands around them' },
    { name: 'no-color', doc: 'no colours, as with NO_COLOR in the environment; there are none but on a terminal' },
  ],
  exit: [
    { code: 0, doc: 'shown' },
    { code: 1, doc: 'the state of the host cannot be had' },
    { code: 2, doc: 'wrong usage' },
  ],
  more: [
    {
      title: 'COLUMNS',
      paragraphs: [
        'APP, DOMAINS: the app, and the names that it answers to.',
        'STATE: asleep; deep (in deep sleep: its socket is closed, too); starting; awake; handing-over (a new generation starts beside the one that serves); stopping; quarantined (it did not start, and is not tried again for a while); rejected (its row is of no use, and what was there before goes on); elsewhere (placed on other hosts only). SINCE: for how long.',
        'GENERATION: what serves, as in the names of its units: fc-ctr-APP-GENERATION.service. HOST: where.',
        'REQ/S: requests a second over the last ten. FLIGHT: requests and connections that are open now.',
        'COLD: how often it was started, successfully or not, since the host began to count. P50, P95: how long the last hundred successful starts took, half and 95 of a hundred of them at most.',
        'MEMORY: of its containers.',
        'In a narrow window some columns are left out, and long names cut.',
      ],
    },
  ],
  examples: [
    { command: 'fc-status --watch', doc: 'see apps come and go' },
    { command: 'fc-status --all --sort memory', doc: 'what takes the most memory' },
    { command: "fc-status 'shop*' www.example.com", doc: 'some apps, whatever they do' },
    { command: 'fc-status --fleet --state quarantined,rejected', doc: 'what is in trouble on any host' },
    { command: "fc-status --no-legend | awk '$3 == \"awake\" { print $1 }'", doc: 'the names of the apps that are awake' },
    { command: "fc-status --json | jq '.apps[] | select(.inFlight > 0) | .name'", doc: 'the same in JSON, of those that are at work' },
  ],
  seeAlso: ['fc-why(1)', 'fc-admin(8)', 'fc-sync(8)', 'fc-proxy(8)'],
};

export interface StatusCommand {
  readonly kind: 'status';
  readonly wish: Wish;
  readonly fleet: boolean;
  /** Milliseconds; null: once. */
  readonly everyMs: number | null;
  readonly json: boolean;
  readonly legend: boolean;
  readonly noColour: boolean;
}

/** @throws UsageError */
export function readStatusCommand(args: readonly string[]): StatusCommand | { readonly kind: 'help' } {
  const given = readArguments(FC_STATUS, args);
  if (given.has('help')) return { kind: 'help' };
  const sort = given.value('sort') ?? 'state';
  if (!SORT_KEYS.includes(sort)) throw new UsageError(`--sort ${sort}: it is one of ${SORT_KEYS.join(', ')}`);
  if (given.has('all') && given.has('state')) throw new UsageError('--all and --state exclude each other');
  const interval = given.value('interval');
  if (interval !== null && !given.has('watch')) throw new UsageError('--interval goes with --watch');
  return {
    kind: 'status',
    wish: { words: given.words.map((word) => word.toLowerCase().replace(/(?<=.)\.$/, '')), states: given.has('all') ? PLACED : states(given.values('state')), sort, reverse: given.has('reverse') },
    fleet: given.has('fleet'),
    everyMs: given.has('watch') ? intervalMs(interval ?? '2') : null,
    json: given.has('json'),
    legend: !given.has('no-legend'),
    noColour: given.has('no-color'),
  };
}

function states(given: readonly string[]): ReadonlySet<AppStateName> | null {
  if (given.length === 0) return null;
  return new Set(given.flatMap((text) => text.split(',')).map((name) => {
    const state = APP_STATES.find((one) => one === name);
    if (state === undefined) throw new UsageError(`--state ${name}: it is one of ${APP_STATES.join(', ')}`);
    return state;
  }));
}

function intervalMs(text: string): number {
  const seconds = Number(text);
  if (!/^[0-9]{1,5}(\.[0-9]{1,3})?$/.test(text) || seconds < 0.1 || seconds > LONGEST_INTERVAL_S) {
    throw new UsageError(`--interval ${text}: seconds, from 0.1 to ${LONGEST_INTERVAL_S}`);
  }
  return seconds * 1000;
}
