/** Writes what is made for people below a folder: manual pages (`man/`), completions (`completions/`) and an example of a configuration (`fastcontainer.ini`). Part of scripts/build. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { COMMANDS } from '../cli/commands.ts';
import { exampleConfig } from '../config/example.ts';
import { bashCompletion } from './completion.ts';
import { pages } from './pages.ts';
import { pageText } from './roff.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: write.js FOLDER');
const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
for (const name of ['man', 'completions']) await mkdir(join(folder, name), { recursive: true });
for (const page of pages()) await writeFile(join(folder, 'man', `${page.name}.${page.section}`), pageText(page, version));
for (const command of COMMANDS) await writeFile(join(folder, 'completions', command.name), bashCompletion(command));
await writeFile(join(folder, 'fastcontainer.ini'), exampleConfig());
