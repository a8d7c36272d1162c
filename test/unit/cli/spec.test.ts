import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandSpec, helpText, readArguments, UsageError } from '../../../src/cli/spec.ts';

const SPEC: CommandSpec = {
  name: 'fc-try', section: 8, summary: 'try', forms: ['[OPTION]... APP', 'again'], description: ['Tries.'],
  options: [
    { name: 'file', short: 'f', value: 'FILE', completes: 'file', doc: 'what is tried, which takes more words to say than there is room for on a line of a terminal' },
    { name: 'hard', doc: 'with force' },
  ],
  exit: [{ code: 0, doc: 'done' }, { code: 2, doc: 'usage' }],
  seeAlso: [],
};

test('options, values and words are told apart', () => {
  const given = readArguments(SPEC, ['--hard', 'shop', '-f', 'one', '--file=two', '--', '--hard']);
  assert.deepEqual([given.has('hard'), given.has('help'), given.value('file'), given.values('file'), given.words], [true, false, 'two', ['one', 'two'], ['shop', '--hard']]);
  assert.equal(readArguments(SPEC, []).value('file'), null);
});

test('what no command has is refused by name', () => {
  for (const args of [['--soft'], ['-x'], ['--hard=1'], ['--file'], ['--file', '--hard']]) {
    assert.throws(() => readArguments(SPEC, args), (error) => error instanceof UsageError && error.message.includes(args.at(0)?.split('=')[0] ?? ''), args.join(' '));
  }
});

test('--help fits a terminal and says everything', () => {
  const text = helpText(SPEC);
  for (const line of text.split('\n')) assert.ok(line.length <= 79, line);
  assert.equal(text, `Usage: fc-try [OPTION]... APP
       fc-try again

Tries.

  -f, --file FILE  what is tried, which takes more words to say than there is
                   room for on a line of a terminal
  --hard           with force
  -h, --help       print this

Exit status: 0 done; 2 usage.`);
});
