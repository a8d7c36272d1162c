/** An answer for people, and for programs. Pure. */
import { printable } from '../model/printable.ts';
import type { Paint } from '../cli/paint.ts';
import { wrapWords } from '../cli/width.ts';
import type { Facts } from './facts.ts';
import type { Answer, Sentence } from './say.ts';

const WIDTH = 79;
const INDENT = '  ';
const EVIDENCE_MAX = 400;

/** Lines, without newlines at their ends. What rows, requests and apps say is escaped: it moves no cursor. */
export function answerLines({ headline, sections }: Answer, paint: Paint): readonly string[] {
  return [
    ...wrapWords(printable(headline, EVIDENCE_MAX), WIDTH).map((line) => paint('bold', line)),
    ...sections.flatMap(({ title, wrong, sentences }) => ['', paint(wrong ? 'red' : 'bold', printable(title, EVIDENCE_MAX)), ...sentences.flatMap((sentence) => sentenceLines(sentence, paint))]),
  ];
}

function sentenceLines({ text, evidence }: Sentence, paint: Paint): readonly string[] {
  return [
    ...wrapWords(printable(text, 2000), WIDTH - INDENT.length).map((line) => `${INDENT}${line}`),
    // To be copied, or searched for: not broken.
    ...evidence.map((line) => paint('dim', `      ${printable(line, EVIDENCE_MAX)}`)),
  ];
}

export function answerJson(answer: Answer, facts: Facts, exit: number): string {
  return JSON.stringify({ ...answer, exit, facts }, null, 2);
}
