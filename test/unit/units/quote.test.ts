import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { UnitValue, execLine, execWord, pathValue, plain, unitText } from '../../../src/units/quote.ts';
import { anyText, processText } from '../../support/hostile.ts';
import { execArgv, expandSpecifiers, parseUnit, pathWords } from '../../support/unitfile.ts';

/** The value of the only directive of a unit with `Key=<value>`, as systemd reads the file. */
function readBack(value: UnitValue): string {
  const directives = parseUnit(`[S]\nBefore=1\nKey=${value.toString()}\nAfter=2\n`);
  assert.deepEqual(directives.map((d) => d.key), ['Before', 'Key', 'After']);
  return directives[1]?.value ?? '';
}

describe('execWord', () => {
  const table: readonly (readonly [string, string])[] = [
    ['/usr/bin/podman', '/usr/bin/podman'], ['--name=fc-x', '--name=fc-x'], ['', '""'], ['a b', '"a b"'], [';', '";"'], ['100%', '"100%%"'], ['$HOME', '"$$HOME"'], ['a"b\\c', '"a\\"b\\\\c"'],
    ["it's", '"it\'s"'], ['a\nb\t\r', '"a\\x0ab\\x09\\x0d"'], ['é😀', '"é😀"'], ['\u202e', '"\\xe2\\x80\\xae"'], ['\ufffe', '"\\xef\\xbf\\xbe"'], ['#x', '"#x"'],
  ];
  for (const [text, word] of table) it(`writes ${JSON.stringify(text)} as ${word}`, () => assert.equal(execWord(text).toString(), word));

  it('refuses what no argument can hold', () => {
    for (const text of ['a\0', '\ud800x', 'x\udc00']) assert.throws(() => execWord(text));
  });
});

it('execLine gives the program exactly the words', () => {
  fc.assert(fc.property(fc.array(processText, { maxLength: 5 }), (words) => {
    const line = execLine(['/bin/x', ...words]);
    assert.doesNotMatch(line.toString(), /[\p{Cc}\p{Zl}\p{Zp}]/u);
    assert.deepEqual(execArgv(readBack(line)), ['/bin/x', ...words]);
  }), { numRuns: 500 });
});

it('unitText gives the text or refuses it', () => {
  fc.assert(fc.property(anyText, (text) => {
    let value: UnitValue;
    try {
      value = unitText(text);
    } catch {
      assert.match(text, /[\p{Cc}\p{Cs}\p{NChar}\\]|^\s|\s$/u);
      return;
    }
    assert.equal(expandSpecifiers(readBack(value)), text);
  }), { numRuns: 500 });
});

it('pathValue gives the path or refuses it', () => {
  fc.assert(fc.property(anyText, (text) => {
    let value: UnitValue;
    try {
      value = pathValue(`/${text}`);
    } catch {
      assert.match(text, /[\p{Cc}\p{Cs}\p{NChar}]/u);
      return;
    }
    assert.deepEqual(pathWords(readBack(value)), [`/${text}`]);
  }), { numRuns: 500 });
  assert.throws(() => pathValue('relative'));
});

it('plain takes what needs no quoting anywhere and nothing else', () => {
  for (const value of ['fc-app-a_b-1a2b3c4d.socket', 8080, '50%', '512M', '/run/x@y:z']) assert.equal(readBack(plain(value)), String(value));
  for (const value of ['', 'a b', '%n', 'a%', '5%%', '$X', 'a\nb', 'a"', 'é', 'x\\', '#', ';']) assert.throws(() => plain(value), `${JSON.stringify(value)} was taken`);
});

it('UnitValue takes no end of a line', () => {
  for (const text of ['a\nb', 'a\r', '\0']) assert.throws(() => UnitValue.of(text));
});
