/** When there are colours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coloured, paintFor, plain } from '../../../src/cli/paint.ts';

test('colours are for terminals, and for those who want them', () => {
  const terminal = { isTTY: true };
  assert.equal(paintFor(terminal, false, { TERM: 'xterm' }), coloured);
  assert.equal(paintFor({}, false, { TERM: 'xterm' }), plain);
  assert.equal(paintFor(terminal, true, { TERM: 'xterm' }), plain);
  assert.equal(paintFor(terminal, false, { TERM: 'xterm', NO_COLOR: '1' }), plain);
  assert.equal(paintFor(terminal, false, { TERM: 'xterm', NO_COLOR: '' }), coloured);
  assert.equal(paintFor(terminal, false, { TERM: 'dumb' }), plain);
});

test('what is painted ends as it began', () => {
  assert.equal(coloured('red', 'x'), '\x1b[31mx\x1b[0m');
  assert.equal(coloured(null, 'x'), 'x');
  assert.equal(coloured('red', ''), '');
  assert.equal(plain('red', 'x'), 'x');
});
