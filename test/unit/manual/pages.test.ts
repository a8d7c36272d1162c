import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { helpText, HELP_OPTION } from '../../../src/cli/spec.ts';
import { KEYS } from '../../../src/config/keys.ts';
import { bashCompletion } from '../../../src/manual/completion.ts';
import { pages } from '../../../src/manual/pages.ts';
import { pageText, roff } from '../../../src/manual/roff.ts';
import { TABLES } from '../../../src/model/columns.ts';
import { APP_UNITS, HOST_UNITS } from '../../../src/units/reference.ts';

const repo = fileURLToPath(new URL('../../../', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'fc-manual-'));
after(() => { rmSync(scratch, { recursive: true }); });

/** A page as man(1) shows it, on one line. @throws when groff finds anything to complain of */
function shown(name: string): string {
  const page = pages().find((one) => one.name === name);
  assert.ok(page !== undefined, name);
  const file = join(scratch, `${name}.${page.section}`);
  writeFileSync(file, pageText(page, '1.2.3'));
  const { stdout, stderr, status } = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-P-c', file], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, ''], name);
  return stdout.replace(/.\x08/g, '').replace(/\s+/g, ' ');
}

test('every command has a page with all its options and exit codes', () => {
  for (const { name, options, exit, summary } of COMMANDS) {
    const text = shown(name);
    assert.ok(text.includes(`${name} - ${summary}`), name);
    for (const option of [...options, HELP_OPTION]) assert.ok(text.includes(`--${option.name}`), `${name} --${option.name}`);
    for (const { code } of exit) assert.match(text, new RegExp(`EXIT STATUS.* ${code} `), name);
  }
});

test('the configuration, the tables and the units have pages that leave nothing out', () => {
  const settings = shown('fastcontainer.ini');
  for (const { key, type } of KEYS) assert.ok(settings.includes(`${key} =`) && settings.includes(type), key);
  const tables = shown('fastcontainer-cmdb');
  for (const { name, accepts } of Object.values(TABLES).flat()) assert.ok(tables.includes(name) && tables.includes(accepts.replace(/\s+/g, ' ')), name);
  const units = shown('fastcontainer-units');
  for (const { unit } of [...APP_UNITS, ...HOST_UNITS]) assert.ok(units.includes(unit), unit);
});

test('pages refer to pages that exist, here or in Debian', () => {
  const own = pages().map(({ name, section }) => `${name}(${section})`);
  for (const { name, seeAlso } of pages()) {
    for (const other of seeAlso) assert.ok(own.includes(other) || /^systemd/.test(other), `${name} refers to ${other}`);
  }
});

test('every unit file and template has a place in the tables of units', () => {
  const files = [...readdirSync(`${repo}units`), ...readdirSync(`${repo}templates`)].filter((name) => /\.(?:service|socket|timer|target|path|slice)$/.test(name));
  const kinds = new Set([...APP_UNITS, ...HOST_UNITS].map(({ unit }) => unit.replace(/-<app>-<gen>/, '').replace(/<n>s@<app>-<gen>/, '').replace(/-<xx>/, '').replace(/@<[^.]*>/, '@').replace('fc-lease-.timer', 'fc-lease.timer')));
  assert.deepEqual(files.filter((name) => !kinds.has(name)), []);
});

test('--help of every command fits a terminal', () => {
  for (const command of COMMANDS) for (const line of helpText(command).split('\n')) assert.ok(line.length <= 79, line);
});

test('text of ours is no markup of roff\'s', () => {
  assert.equal(roff('.hidden \\n a-b `x-y`\n\'quoted'), '\\&.hidden \\en a\\-b \\fBx\\-y\\fR\n\\(aqquoted');
});

test('completion is bash, and completes options, words and files', () => {
  for (const command of COMMANDS) {
    const file = join(scratch, `${command.name}.bash`);
    writeFileSync(file, bashCompletion(command));
    const { stdout, stderr } = spawnSync('bash', ['-c', `
      _init_completion() { cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}; }
      _filedir() { COMPREPLY=(a-file); }
      source ${file}
      COMP_WORDS=(${command.name} --) COMP_CWORD=1; _${command.name.replaceAll('-', '_')}; echo "\${COMPREPLY[*]}"
      COMP_WORDS=(${command.name} --config "") COMP_CWORD=2; _${command.name.replaceAll('-', '_')}; echo "\${COMPREPLY[*]}"`], { encoding: 'utf8' });
    assert.equal(stderr, '');
    const [options = '', config = ''] = stdout.split('\n');
    assert.deepEqual(options.split(' '), [...command.options, HELP_OPTION].map(({ name }) => `--${name}`));
    if (command.options.some(({ name }) => name === 'config')) assert.equal(config, 'a-file');
  }
});

test('fc-sync completes its verbs', () => {
  const text = bashCompletion(COMMANDS.find(({ name }) => name === 'fc-sync') ?? assert.fail());
  assert.match(text, / migrate'/);
  assert.ok(!readFileSync(`${repo}src/manual/completion.ts`, 'utf8').includes('fc-sync'), 'for no command in particular');
});
