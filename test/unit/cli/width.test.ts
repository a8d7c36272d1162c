/** Text and the room that it takes on a terminal. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cut, filler, widthOf, wrap } from '../../../src/cli/width.ts';
import { printable } from '../../../src/model/printable.ts';
import { anyText } from '../../support/hostile.ts';

test('a character takes one column, two if it is wide, none if it is drawn over another', () => {
  for (const [text, width] of [['', 0], ['shop', 4], ['é', 1], ['e\u0301', 1], ['日本', 4], ['한', 2], ['ｆ', 2], ['😀', 2], ['…', 1], ['→', 1]] as const) {
    assert.equal(widthOf(text), width, JSON.stringify(text));
  }
});

describe('cut', () => {
  test('leaves what fits, and says that it was more', () => {
    assert.equal(cut('shop', 4), 'shop');
    assert.equal(cut('shopping', 4), 'sho…');
    assert.equal(cut('日本語', 4), '日…');
    assert.equal(cut('shop', 1), '…');
    assert.equal(cut('shop', 0), '');
    assert.equal(cut('shop', Infinity), 'shop');
  });

  test('never takes more columns than there are', () => {
    fc.assert(fc.property(anyText, fc.integer({ min: 0, max: 30 }), (text, columns) => widthOf(cut(printable(text, 200), columns)) <= columns));
  });
});

describe('wrap', () => {
  test('breaks at spaces, and within a word that is longer than a line', () => {
    assert.deepEqual(wrap('the quick brown fox', 10), ['the quick', 'brown fox']);
    assert.deepEqual(wrap('a verylongwordindeed b', 6), ['a', 'verylo', 'ngword', 'indeed', 'b']);
    assert.deepEqual(wrap('日本語', 4), ['日本', '語']);
    assert.deepEqual(wrap('', 10), ['']);
    assert.deepEqual(wrap('as it is '.repeat(50), Infinity), ['as it is '.repeat(50)]);
  });

  test('loses nothing, and no line is too long', () => {
    fc.assert(fc.property(anyText, fc.integer({ min: 2, max: 30 }), (text, columns) => {
      const said = printable(text, 500);
      const lines = wrap(said, columns);
      assert.ok(lines.every((line) => widthOf(line) <= columns), JSON.stringify(lines));
      assert.equal(lines.join('').replaceAll(' ', ''), said.replaceAll(' ', ''));
    }));
  });
});

test('filler makes up for what is missing', () => {
  assert.equal(`${filler('日本', 6)}|`, '  |');
  assert.equal(filler('longer', 3), '');
});
