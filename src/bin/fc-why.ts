#!/usr/bin/env node
import { configFile } from '../cli/config-option.ts';
import { FC_WHY } from '../cli/fc-why.ts';
import { endWithReader, print } from '../cli/output.ts';
import { paintFor } from '../cli/paint.ts';
import { helpText, readArguments, UsageError } from '../cli/spec.ts';
import { log } from '../log.ts';
import { answer, EXIT, exitOf } from '../why/answer.ts';
import { look } from '../why/look.ts';
import { answerJson, answerLines } from '../why/print.ts';
import { parseAsked } from '../why/question.ts';

async function main(args: readonly string[]): Promise<number> {
  const given = readArguments(FC_WHY, args);
  if (given.has('help')) {
    await print(`${helpText(FC_WHY)}\n`);
    return EXIT.fine;
  }
  const [word, ...others] = given.words;
  if (word === undefined) throw new UsageError('about which app, or host name?');
  if (others.length > 0) throw new UsageError('one app, or host name, at a time');
  const facts = await look(parseAsked(word), configFile(given));
  const said = answer(facts);
  const exit = exitOf(said, facts);
  await print(`${given.has('json') ? answerJson(said, facts, exit) : answerLines(said, paintFor(process.stdout, false)).join('\n')}\n`);
  return exit;
}

endWithReader();
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.unknown;
  log.error(`fc-why: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof UsageError) process.stderr.write('Try fc-why --help.\n');
}
