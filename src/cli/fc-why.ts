/** The command line of fc-why. */
import { CONFIG_OPTION } from './config-option.ts';
import type { CommandSpec } from './spec.ts';

export const FC_WHY: CommandSpec = {
  name: 'fc-why',
  section: 1,
  summary: 'says why an app is awake, woke, did not start, or cannot be found',
  forms: ['[OPTION]... APP|HOSTNAME|URL'],
  description: [
    'Answers, in sentences and with the evidence: why is the app awake, or asleep; what woke it; why did it not start; why is '
    + 'its row not applied; why does this host name give a 404; on which other hosts is it.',
    'It asks fc-admin, systemd, the journal, what fc-sync has written and, as root, the CMDB, and changes nothing. What it may '
    + 'not see, or cannot reach, it names, and goes on with the rest; root sees all of it.',
  ],
  options: [
    { name: 'json', doc: 'print the answer, and the facts that it is made of, as JSON' },
    CONFIG_OPTION,
  ],
  exit: [
    { code: 0, doc: 'nothing is wrong with it' },
    { code: 1, doc: 'something is: it does not start, a row is not applied, nobody finds it' },
    { code: 2, doc: 'usage' },
    { code: 3, doc: 'nothing wrong was found, but fc-admin or the snapshot could not be had' },
  ],
  more: [{
    title: 'What it cannot know',
    paragraphs: [
      'Requests are told as fc-proxy sees them: without their query and without fields, but for User-Agent. Who is connected to the socket of '
      + 'an app, past fc-proxy, is counted and not named. Of what happened, fc-admin keeps the last events of the host; what is older is in the journal.',
      'It answers for this host. For an app that is placed on others, it names them.',
    ],
  }],
  examples: [
    { command: 'fc-why shop', doc: 'all about the app shop' },
    { command: 'fc-why https://shop.example/basket', doc: 'all about the app that this leads to, or why it leads to none' },
    { command: 'fc-why --json shop | jq .facts.state', doc: 'for programs' },
  ],
  seeAlso: ['fc-sync(8)', 'fc-proxy(8)', 'fastcontainer-units(7)'],
};
