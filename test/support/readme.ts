/** Commands of the documents, so that tests run what operators read. */
import { readFileSync } from 'node:fs';

const PAGES = ['README.md', 'docs/hosts.md', 'docs/apps.md', 'docs/fleet.md'].map((path) => new URL(`../../${path}`, import.meta.url));

/**
 * The blocks of code in a section, in their order, without their indentation.
 * @param kind what stands after the opening fence: `sh`, `sql`, or nothing
 * @throws when there is no such section
 */
export function codeOf(heading: string, kind = ''): readonly string[] {
  const sections = PAGES.flatMap((page) => readFileSync(page, 'utf8').split(/^##+ /m));
  const section = sections.find((part) => part.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`no page has a section ${heading}`);
  return [...section.matchAll(/^( *(?:\d+\. )?)```(\w*)\n([^]*?)^ *```$/gm)]
    .flatMap(([, before = '', found, code = '']) => (found === kind ? [code.replaceAll(new RegExp(`^ {${before.length}}`, 'gm'), '')] : []));
}

/** Its statements, one by one, without their comments. */
export function statementsOf(heading: string): readonly string[] {
  return codeOf(heading, 'sql').join('\n').replace(/^--.*$|\s--\s.*$/gm, '').split(';').map((statement) => statement.trim()).filter((statement) => statement !== '');
}
