/**
 * scripts/bench calls this: main.ts [PART]... [--toy] [--keep] [--out FOLDER]
 *
 * Measures the parts, one after the other, and writes what they gave to FOLDER, default docs; at toy size only if FOLDER is
 * named.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bootHost, type TestHost } from '../support/host.ts';
import type { BenchContext, PartModule } from './context.ts';
import { writeDocs, writeResult } from './docs.ts';
import { machineOf } from './machine.ts';
import { PARTS, verdict, type Part, type PartResult } from './result.ts';
import { withUnit } from './render/number.ts';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const moduleOf = (part: Part): URL => new URL(`parts/${part}.ts`, import.meta.url);
const log = (text: string): void => { console.error(`bench: ${text}`); };

const { values: { toy = false, keep = false, out }, positionals } = parseArgs({
  allowPositionals: true,
  options: { toy: { type: 'boolean' }, keep: { type: 'boolean' }, out: { type: 'string' } },
});
const there = PARTS.filter((part) => existsSync(moduleOf(part)));
const unknown = positionals.filter((name) => !there.some((part) => part === name));
if (unknown.length > 0) {
  console.error(`there is no part ${unknown.join(', ')}: they are ${there.join(', ')}`);
  process.exit(2);
}
const wanted = positionals.length === 0 ? there : there.filter((part) => positionals.includes(part));
const folder = out ?? (toy ? null : DOCS);

let host: TestHost | null = null;
for (const part of wanted) {
  host ??= await bootHost('bench');
  const result = await measure(part, host);
  if (folder !== null) writeResult(folder, result);
  tell(result);
  // The next part finds a machine that has done nothing yet. At toy size nothing is said of speed.
  if (toy || (keep && part === wanted.at(-1))) continue;
  await host.kill();
  host = null;
}
if (folder !== null) {
  writeDocs(folder);
  log(`wrote ${folder}/performance.md`);
}
if (host !== null && keep) await stay(host);
await host?.kill();

async function measure(part: Part, on: TestHost): Promise<PartResult> {
  const { run } = await import(moduleOf(part).href) as PartModule;
  const began = performance.now();
  const context: BenchContext = { toy, host: on, size: (full, small) => (toy ? small : full), log: (text) => { log(`${part}: ${text}`); } };
  context.log('begins');
  const measured = await run(context);
  context.log(`took ${Math.round((performance.now() - began) / 1000)} s`);
  return { part, taken: `${new Date().toISOString().slice(0, 16)}Z`, machine: await machineOf(on), ...measured };
}

/** The ratios, for who waits for them. */
function tell({ title, targets }: PartResult): void {
  console.log(`\n${title}`);
  for (const target of targets) console.log(`  ${withUnit(target.measured, target.unit).padStart(10)}  ${verdict(target).padEnd(8)} ${target.what}: ${target.measure}`);
}

/** The host lives as long as this process does. */
async function stay({ name, address }: TestHost): Promise<void> {
  log(`the host stays up at ${address} until ^C; enter it: scripts/testhost shell ${name}`);
  await new Promise(() => { setInterval(() => { /* Keeps the process. */ }, 1 << 30); });
}
