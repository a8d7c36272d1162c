/** The command line of fc-doctor. Pure. */
import { CHECKS } from '../doctor/checks.ts';
import { CONFIG_OPTION } from './config-option.ts';
import type { CommandSpec } from './spec.ts';

export const FC_DOCTOR: CommandSpec = {
  name: 'fc-doctor',
  section: 8,
  summary: 'check a host against everything that would break it',
  forms: ['[OPTION]...', '--list'],
  description: [
    'Looks at this host, says what it found and what it means, and for each finding what helps: a command to paste, a statement for the CMDB, or what only a person can do. It changes nothing.',
    'Errors are what does not work, or will not; warnings what works and is in danger, or less safe than it could be; notes are good to know. Without root it says what it could not look at.',
  ],
  options: [
    { name: 'only', value: 'ID[,ID]...', multiple: true, completes: CHECKS.map(({ id }) => id), doc: 'these checks only' },
    { name: 'list', doc: 'print the checks, and what each looks at' },
    { name: 'verbose', short: 'v', doc: 'print what is well, too' },
    { name: 'strict', doc: 'end with 1 for warnings, too' },
    { name: 'json', doc: 'print it as JSON' },
    CONFIG_OPTION,
  ],
  exit: [
    { code: 0, doc: 'no errors' },
    { code: 1, doc: 'there are errors' },
    { code: 2, doc: 'usage' },
    { code: 3, doc: 'there are no errors, but it could not look at everything' },
  ],
  more: [{ title: 'CHECKS', paragraphs: CHECKS.map(({ id, looksAt }) => `${id}: ${looksAt}.`) }],
  examples: [
    { command: 'fc-doctor', doc: 'all of it; nothing but a line when all is well' },
    { command: 'fc-doctor --only cmdb,host-row', doc: 'the CMDB alone' },
    { command: "fc-doctor --json | jq '.findings[] | select(.severity == \"error\")'", doc: 'for scripts' },
  ],
  seeAlso: ['fc-status(1)', 'fc-why(1)', 'fc-sync(8)', 'fc-proxy(8)', 'fc-admin(8)', 'fastcontainer.ini(5)'],
};
