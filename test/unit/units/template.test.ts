import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadTemplates } from '../../../src/units/load-templates.ts';
import { execWord, plain } from '../../../src/units/quote.ts';
import { renderTemplate } from '../../../src/units/template.ts';

describe('renderTemplate', () => {
  it('puts values in as they are, lists once for each', () => {
    assert.equal(renderTemplate('A={{a}}\n{{#b}}\nB={{.}}\n{{/b}}\n{{#none}}\nN={{.}}\n{{/none}}\nend\n', { a: execWord('<&"\'>'), b: [plain('1'), plain('2')], none: [] }), 'A="<&\\"\'>"\nB=1\nB=2\nend\n');
  });

  it('does not read a value as a template', () => {
    assert.equal(renderTemplate('A={{a}} {{b}}', { a: execWord('{{b}}'), b: plain('x') }), 'A="{{b}}" x');
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ['{{unknown}}', /"unknown"/], ['{{#unknown}}x{{/unknown}}', /"unknown"/], ['{{#a}}{{unknown}}{{/a}}', /"unknown"/], ['{{{a}}}', /kind/], ['{{&a}}', /kind/], ['{{>a}}', /kind/], ['{{^a}}x{{/a}}', /kind/], ['{{toString}}', /"toString"/],
  ];
  for (const [template, why] of refused) it(`refuses ${template}`, () => assert.throws(() => renderTemplate(template, { a: plain('1') }), why));
});

it('loadTemplates names the file that is missing', async () => {
  await assert.rejects(loadTemplates('/nonexistent'), /\/nonexistent\/fc-/);
});
