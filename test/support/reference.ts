/** The reference tables of the README, made from the tables that the code uses. */
import { KEYS } from '../../src/config/keys.ts';
import { TABLES } from '../../src/model/columns.ts';
import { HELP } from '../../src/sync/command.ts';

/** Marker in the README → what stands after it. */
export function reference(): ReadonlyMap<string, string> {
  return new Map([
    ['fc-sync --help', `\`\`\`\n${HELP}\n\`\`\``],
    ['settings', settings()],
    ['tables', tables()],
  ]);
}

/** A README with what belongs between `<!-- marker -->` and `<!-- end -->`. @throws when a marker is missing */
export function withReference(readme: string): string {
  let text = readme;
  for (const [marker, content] of reference()) {
    const start = `<!-- ${marker} -->\n`;
    const from = text.indexOf(start);
    const to = text.indexOf('<!-- end -->', from);
    if (from < 0 || to < 0) throw new Error(`the README has no ${start.trim()} … <!-- end -->`);
    text = `${text.slice(0, from + start.length)}${content}\n${text.slice(to)}`;
  }
  return text;
}

function settings(): string {
  const rows = KEYS.map(({ section, key, type, default: fallback, requiredFor, doc }) => [
    `\`[${section}] ${key}\``, cell(type),
    requiredFor.length > 0 ? `required${requiredFor.length === 1 ? ` for ${requiredFor[0]}` : ''}` : code(fallback), cell(doc),
  ]);
  return table(['key', 'is', 'default', 'for'], rows);
}

function tables(): string {
  return Object.entries(TABLES).map(([name, columns]) => {
    const rows = Object.values(columns).map(({ name: column, accepts, default: fallback, doc }) =>
      [`\`${column}\``, cell(accepts), fallback === null ? '' : code(fallback), cell(doc)]);
    return `**${name}**\n\n${table(['column', 'takes', 'default', 'is'], rows)}`;
  }).join('\n\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function code(text: string): string {
  return text === '' ? '' : `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
