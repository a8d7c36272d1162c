/** Writes the manual pages and the completions below a folder: `man/` and `completions/`. Part of scripts/build. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { COMMANDS } from '../cli/commands.ts';
import { bashCompletion } from './completion.ts';
import { pages } from './pages.ts';
import { pageText } from './roff.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: write.js FOLDER');
const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
for (const name of ['man', 'completions']) await mkdir(join(folder, name), { recursive: true });
for (const page of pages()) await writeFile(join(folder, 'man', `${page.name}.${page.section}`), pageText(page, version));
for (const command of COMMANDS) await writeFile(join(folder, 'completions', command.name), bashCompletion(command));
