/** The page's files: results in, page and plots out. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseResult } from './parse.ts';
import { plotFile, renderPage, renderPlot } from './render/page.ts';
import { PARTS, type PartResult } from './result.ts';

/** Digits that a figure keeps in its file; its noise is far above. */
const DIGITS = 5;

/** Writes what a part has measured, to `performance/<part>.json` below the folder. */
export function writeResult(folder: string, result: PartResult): void {
  mkdirSync(`${folder}/performance`, { recursive: true });
  const short = (_key: string, value: unknown): unknown => (typeof value === 'number' ? Number(value.toPrecision(DIGITS)) : value);
  writeFileSync(`${folder}/performance/${result.part}.json`, `${JSON.stringify(result, short, 2)}\n`);
}

/** All that were measured, in the page's order. @throws TypeError when a file is no result */
export function readResults(folder: string): PartResult[] {
  const files = readdirSync(`${folder}/performance`).filter((name) => name.endsWith('.json'));
  const results = files.map((name) => parseResult(JSON.parse(readFileSync(`${folder}/performance/${name}`, 'utf8'))));
  return results.sort((a, b) => PARTS.indexOf(a.part) - PARTS.indexOf(b.part));
}

/** The page and its plots as they should be: contents by path below the folder. */
export function renderDocs(results: readonly PartResult[]): Map<string, string> {
  return new Map([
    ['performance.md', renderPage(results)],
    ...results.flatMap(({ part, plots }) => plots.map((plot): [string, string] => [plotFile(part, plot), renderPlot(plot)])),
  ]);
}

/** The page and its plots as they are. */
export function readDocs(folder: string): Map<string, string> {
  const plots = readdirSync(`${folder}/performance`).filter((name) => name.endsWith('.svg'));
  return new Map(['performance.md', ...plots.map((name) => `performance/${name}`)].map((path) => [path, readFileSync(`${folder}/${path}`, 'utf8')]));
}

/** Makes the page and its plots of the results in the folder; plots that are no more go. */
export function writeDocs(folder: string): void {
  const docs = renderDocs(readResults(folder));
  for (const name of readdirSync(`${folder}/performance`)) {
    if (name.endsWith('.svg') && !docs.has(`performance/${name}`)) rmSync(`${folder}/performance/${name}`);
  }
  for (const [path, content] of docs) writeFileSync(`${folder}/${path}`, content);
}
