#!/usr/bin/env node
import { AdminError, askAdmin } from '../admin/client.ts';
import { parseFleetStatus, parseHostStatus, StateError } from '../admin/parse.ts';
import { FC_STATUS, readStatusCommand, type StatusCommand } from '../cli/fc-status.ts';
import { endWithReader, print, windowOf } from '../cli/output.ts';
import { paintFor } from '../cli/paint.ts';
import { cut } from '../cli/width.ts';
import { helpText, UsageError } from '../cli/spec.ts';
import { printable } from '../model/printable.ts';
import { jsonOf } from '../status/json.ts';
import { queryOf } from '../status/query.ts';
import { statusLines, type Told } from '../status/render.ts';
import { Stop, watch } from '../status/watch.ts';

async function ask({ fleet, wish, json }: StatusCommand): Promise<Told> {
  const query = queryOf(wish, json);
  try {
    return fleet
      ? { kind: 'fleet', fleet: parseFleetStatus(await askAdmin(`/fleet.json?${query.toString()}`)) }
      : { kind: 'host', status: parseHostStatus(await askAdmin(`/state.json?${query.toString()}`)) };
  } catch (cause) {
    if (cause instanceof StateError) throw new AdminError(`fc-admin is of another version (${printable(cause.message, 200)}): systemctl restart fc-admin`, { cause });
    throw cause;
  }
}

async function main(args: readonly string[]): Promise<void> {
  const command = readStatusCommand(args);
  if (command.kind === 'help') {
    await print(`${helpText(FC_STATUS)}\n`);
    return;
  }
  const { wish, json, legend, everyMs } = command;
  const paint = paintFor(process.stdout, command.noColour);
  const lines = (told: Told, trouble: string | null = null): readonly string[] => {
    if (json) return [jsonOf(told, wish, everyMs === null)];
    const { width, height } = everyMs === null ? { ...windowOf(process.stdout), height: Infinity } : windowOf(process.stdout);
    const shown = statusLines(told, wish, { width, height: trouble === null ? height : height - 1, paint, legend });
    return trouble === null ? shown : [paint('red', cut(trouble, width)), ...shown];
  };
  if (everyMs === null) {
    const text = lines(await ask(command)).join('\n');
    await print(text === '' ? '' : `${text}\n`);
    return;
  }
  const stop = new Stop();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop.tell);
  await watch({ ask: () => ask(command), lines, everyMs, stop, terminal: process.stdout.isTTY && !json, between: legend && !json ? '\n' : '' });
}

endWithReader();
main(process.argv.slice(2)).then(() => { process.exit(0); }, (error: unknown) => {
  process.stderr.write(`fc-status: ${printable(error instanceof Error ? error.message : String(error), 1000)}\n`);
  if (error instanceof UsageError) process.stderr.write('Try fc-status --help.\n');
  process.exit(error instanceof UsageError ? 2 : 1);
});
