#!/usr/bin/env node
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { type Command, FC_SYNC, parseCommand } from '../cli/fc-sync.ts';
import { endWithReader } from '../cli/output.ts';
import { paintFor } from '../cli/paint.ts';
import { helpText, UsageError } from '../cli/spec.ts';
import { connect } from '../cmdb/connect.ts';
import { CmdbError } from '../cmdb/error.ts';
import { migrate } from '../cmdb/migrate.ts';
import { type Config, loadConfig } from '../config/config.ts';
import { ConfigError } from '../config/error.ts';
import { type Logger, log } from '../log.ts';
import { EXIT } from '../sync/exit.ts';
import { lock } from '../sync/lock.ts';
import { type Newer, readOnce, readStandingNow } from '../sync/newer.ts';
import { runOnce } from '../sync/once.ts';
import { painted, proposalJson, proposalLines } from '../sync/proposal-text.ts';
import { ReportFile } from '../sync/report-file.ts';
import { failedLine, jsonReport, planLines, rejectionLine } from '../sync/report.ts';
import { SettledFile, setupOf } from '../sync/settled.ts';
import { readStanding, sameStanding, writeStanding } from '../sync/standing.ts';
import { type PassReport, Sync } from '../sync/sync.ts';
import { inTouch, outOfTouch } from '../sync/told.ts';
import { watch } from '../sync/watch.ts';
import { SystemdBus } from '../systemd/bus.ts';
import { HOST_PATHS, prepareFolders } from '../systemd/paths.ts';
import { loadTemplates } from '../units/load-templates.ts';

/** Two runs at once: the second waits this long for the first. */
const LOCK_TIMEOUT_S = 60;

/** Under --watch, a changed row waits no longer for apps that fall into deep sleep. */
const SINK_WITHIN_MS = 500;

/** Under --watch, systemd reads all unit files again for each change of one; so those of what has ended wait for the next, or this long. */
const KEEP_FILES_MS = 300_000;

/** Under --watch, what differs in its times alone is told a little more often than there is a look without news. */
const TELL_EVERY_MS = 9_000;

/** A run that ends reports what it did and what failed; news on the way would say it twice. */
const REPORTED: Logger = { ...log, info: () => undefined, error: () => undefined };

/** For a first look, which is taken again under the lock. */
const SILENT: Logger = { info: () => undefined, warn: () => undefined, error: () => undefined };

const out = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(args: readonly string[]): Promise<number> {
  const command = parseCommand(args);
  if (command.kind === 'help') {
    out(helpText(FC_SYNC));
    return EXIT.done;
  }
  return command.kind === 'migrate' ? await runMigrate(command) : await runSync(command, loadConfig(command.config, 'fc-sync'));
}

async function runMigrate({ config, addresses, passwordFile }: Extract<Command, { kind: 'migrate' }>): Promise<number> {
  const connection = await connect(addresses !== null
    ? { addresses, passwordFile }
    : withPassword(loadConfig(config, 'fc-sync').cmdb, passwordFile));
  try {
    const { from, to } = await migrate(connection);
    out(from === to ? `the schema is at version ${to} already` : `the schema went from version ${from} to ${to}`);
    return EXIT.done;
  } finally {
    connection.close();
  }
}

function withPassword(cmdb: Config['cmdb'], passwordFile: string | null): Config['cmdb'] {
  return passwordFile === null ? cmdb : { ...cmdb, passwordFile };
}

async function runSync(command: Extract<Command, { kind: 'sync' }>, config: Config): Promise<number> {
  await prepareFolders(HOST_PATHS);
  const manager = new SystemdBus();
  const templates = await loadTemplates(fileURLToPath(new URL('../../templates', import.meta.url)));
  const settled = new SettledFile(HOST_PATHS.settled, await setupOf(config, templates, fileURLToPath(import.meta.url)));
  // The folder is root's and fc-proxy's group's: whoever may enter it may read the snapshot.
  const { gid: proxyGid } = await stat(HOST_PATHS.stateDir);
  const reportFile = new ReportFile({ path: HOST_PATHS.report, lockFile: HOST_PATHS.lock, gid: proxyGid, everyMs: command.watch ? TELL_EVERY_MS : 0, log });
  const makeSync = (onNews: () => void, logger: Logger = log): Sync =>
    new Sync({ config, paths: HOST_PATHS, manager, templates, proxyGid, log: logger, sinkWithinMs: command.watch ? SINK_WITHIN_MS : Infinity, keepFilesMs: command.watch ? KEEP_FILES_MS : 0, onNews });
  try {
    if (command.watch) {
      // What a pass leaves behind is no longer young to V8, whose heap would grow to four times what is in use before it looks.
      setFlagsFromString('--heap-growing-percent=25');
      const stop = new AbortController();
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
      await watch({ cmdb: config.cmdb, lockFile: HOST_PATHS.lock, standingFile: HOST_PATHS.standing, settled, reportFile, allowRemovals: command.allowRemovals, log, signal: stop.signal, makeSync });
      return EXIT.done;
    }
    return await syncOnce(command, config, makeSync(() => undefined, REPORTED), settled, reportFile);
  } catch (error) {
    if (!command.dryRun) await reportFile.tried(outOfTouch(error));
    throw error;
  } finally {
    manager.close();
  }
}

async function syncOnce({ dryRun, json, allowRemovals, acceptOlder }: Extract<Command, { kind: 'sync' }>, config: Config, sync: Sync, settled: SettledFile, reportFile: ReportFile): Promise<number> {
  if (!dryRun && !json && !allowRemovals && !acceptOlder) {
    // Whatever is wrong with the CMDB, the look at its rows tells better.
    const says = await settled.holds(HOST_PATHS, () => readStandingNow(config.cmdb, HOST_PATHS.standing)).catch((error: unknown) => {
      if (error instanceof CmdbError) return null;
      throw error;
    });
    if (says !== null && await reportFile.tried(inTouch())) {
      out(says);
      return EXIT.done;
    }
  }
  const read = (logger: Logger): Promise<Newer> => readOnce(config.cmdb, HOST_PATHS.standing, acceptOlder ? 'older' : 'newer', logger);
  let newer: Newer;
  try {
    newer = await read(dryRun ? log : SILENT);
  } catch (error) {
    if (error instanceof CmdbError && !dryRun) for (const failure of await sync.restore()) log.error(failedLine(failure).slice(2));
    throw error;
  }
  if (dryRun) {
    endWithReader();
    const paint = paintFor(process.stdout, false);
    const { decision: { plan, fleet }, proposal } = await sync.preview(newer.reading, allowRemovals);
    if (json) out(JSON.stringify({ ...jsonReport(config.host.name, true, plan, fleet.rejections, []), ...proposalJson(proposal) }, null, 2));
    else for (const line of proposalLines(proposal, plan, fleet.rejections)) out(painted(line, paint));
    return fleet.rejections.length + plan.refused.length > 0 ? EXIT.partly : EXIT.done;
  }
  let fresh = false;
  const pass = async (): Promise<PassReport> => {
    const unlock = await lock(HOST_PATHS.lock, LOCK_TIMEOUT_S);
    try {
      // Rows that were read before another run had the lock may be older than what it applied.
      if (!fresh || !sameStanding(await readStanding(HOST_PATHS.standing), newer.standing)) newer = await read(log);
      fresh = true;
      await writeStanding(HOST_PATHS.standing, newer.standing);
      const report = await sync.pass(newer.reading, allowRemovals);
      await settled.note(report.settled, newer.standing);
      await reportFile.passed(report, newer.reading.revision, inTouch());
      return report;
    } finally {
      await unlock();
    }
  };
  const { first, last } = await runOnce(sync, pass);
  await reportFile.ended(sync.handOvers.ended);
  if (json) {
    out(JSON.stringify(jsonReport(config.host.name, false, first.plan, last.rejections, last.failed), null, 2));
  } else {
    for (const line of planLines(first.plan)) out(line);
    for (const line of [...last.rejections.map(rejectionLine), ...last.failed.map(failedLine)]) process.stderr.write(`${line}\n`);
  }
  return last.rejections.length + last.failed.length > 0 ? EXIT.partly : EXIT.done;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError || error instanceof ConfigError) process.exitCode = EXIT.usage;
  else process.exitCode = error instanceof CmdbError ? EXIT.unreachable : EXIT.partly;
  log.error(`fc-sync: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof UsageError) process.stderr.write('Try fc-sync --help.\n');
}
