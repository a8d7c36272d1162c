#!/usr/bin/env node
/** fc-doctor: checks a host. Wiring only. */
import { configFile } from '../cli/config-option.ts';
import { FC_DOCTOR } from '../cli/fc-doctor.ts';
import { endWithReader, print } from '../cli/output.ts';
import { paintFor } from '../cli/paint.ts';
import { helpText, readArguments, UsageError } from '../cli/spec.ts';
import { CHECKS } from '../doctor/checks.ts';
import { choose } from '../doctor/choose.ts';
import { examineAll } from '../doctor/examine.ts';
import { Host } from '../doctor/host.ts';
import { exitCode, jsonReport, listLines, reportLines } from '../doctor/report.ts';
import { printable } from '../model/printable.ts';

const USAGE = 2;

async function main(args: readonly string[]): Promise<number> {
  const given = readArguments(FC_DOCTOR, args);
  if (given.has('help')) return await say([helpText(FC_DOCTOR)], 0);
  const [word] = given.words;
  if (word !== undefined) throw new UsageError(`'${printable(word)}' is not understood: checks are chosen with --only`);
  if (given.has('list')) return await say(listLines(CHECKS), 0);
  const checks = choose(CHECKS, given.values('only'));
  const examined = await examineAll(checks, new Host(configFile(given)));
  const lines = given.has('json') ? [JSON.stringify(jsonReport(examined), null, 2)]
    : reportLines(examined, { verbose: given.has('verbose'), paint: paintFor(process.stdout, false) });
  return await say(lines, exitCode(examined, given.has('strict')));
}

async function say(lines: readonly string[], code: number): Promise<number> {
  await print(`${lines.join('\n')}\n`);
  return code;
}

endWithReader();
main(process.argv.slice(2)).then(
  // What a dead file server, or a systemd that says nothing, still holds up is not waited for.
  (code) => { process.exit(code); },
  (error: unknown) => {
    const isUsage = error instanceof UsageError;
    process.stderr.write(`fc-doctor: ${error instanceof Error ? error.message : String(error)}\n${isUsage ? 'Try fc-doctor --help.\n' : ''}`);
    process.exit(isUsage ? USAGE : 1);
  },
);
