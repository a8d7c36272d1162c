/** The command line of fc-status. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FC_STATUS, readStatusCommand, type StatusCommand } from '../../../src/cli/fc-status.ts';
import { helpText, UsageError } from '../../../src/cli/spec.ts';
import { PLACED } from '../../../src/status/rows.ts';

function read(...args: string[]): StatusCommand {
  const command = readStatusCommand(args);
  assert.ok(command.kind === 'status');
  return command;
}

test('says by itself what people want most', () => {
  assert.deepEqual(read(), {
    kind: 'status', wish: { words: [], states: null, sort: 'state', reverse: false }, fleet: false, everyMs: null, json: false, legend: true, noColour: false,
  });
});

test('every option', () => {
  assert.deepEqual(read('--all', '-s', 'memory', '-r', '-f', '-w', '-n', '0.5', '--json', '--no-legend', '--no-color', 'Shop.Example.COM.'), {
    kind: 'status', wish: { words: ['shop.example.com'], states: PLACED, sort: 'memory', reverse: true }, fleet: true, everyMs: 500, json: true, legend: false, noColour: true,
  });
  assert.equal(read('--watch').everyMs, 2000);
  assert.deepEqual([...read('--state', 'awake,starting', '--state', 'deep').wish.states ?? []], ['awake', 'starting', 'deep']);
});

describe('what makes no sense is named', () => {
  const cases: readonly [readonly string[], RegExp][] = [
    [['--sort', 'size'], /^--sort size: it is one of name, state,/],
    [['--sort', 'toString'], /^--sort toString/],
    [['--state', 'sleeping'], /^--state sleeping: it is one of asleep, deep,/],
    [['--state', ''], /^--state : /],
    [['--state', 'awake,'], /^--state : /],
    [['--all', '--state', 'awake'], /exclude each other/],
    [['--interval', '2'], /goes with --watch/],
    ...['0', '-1', 'x', '1e3', '', '0.05', '99999', 'Infinity'].map((text): [string[], RegExp] => [['--watch', `--interval=${text}`], /^--interval .*: seconds, from 0\.1 to 86400/]),
    [['--sort'], /sort/],
    [['--colour'], /colour/],
    [['--json=x'], /json/],
  ];
  for (const [args, message] of cases) {
    test(args.join(' '), () => {
      assert.throws(() => readStatusCommand(args), (error) => error instanceof UsageError && message.test(error.message));
    });
  }
});

test('--help fits a terminal', () => {
  assert.equal(readStatusCommand(['--help', '--sort', 'x']).kind, 'help');
  for (const line of helpText(FC_STATUS).split('\n')) assert.ok(line.length < 80, line);
});
