/** The tables of docs/reference.md, made from those that the code uses. */
import { KEYS } from '../../src/config/keys.ts';
import { TABLES } from '../../src/model/columns.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { helpText } from '../../src/cli/spec.ts';
import { APP_UNITS, HOST_UNITS, type UnitDoc } from '../../src/units/reference.ts';

/** Marker in the page → what stands after it. */
export function reference(): ReadonlyMap<string, string> {
  return new Map([
    ['commands', COMMANDS.map((command) => `### ${command.name}\n\n\`\`\`\n${helpText(command)}\n\`\`\``).join('\n\n')],
    ['settings', settings()],
    ['tables', tables()],
    ['app units', units(APP_UNITS)],
    ['host units', units(HOST_UNITS)],
  ]);
}

/** A page with what belongs between `<!-- marker -->` and `<!-- end -->`. @throws when a marker is missing */
export function withReference(page: string): string {
  let text = page;
  for (const [marker, content] of reference()) {
    const start = `<!-- ${marker} -->\n`;
    const from = text.indexOf(start);
    const to = text.indexOf('<!-- end -->', from);
    if (from < 0 || to < 0) throw new Error(`the reference has no ${start.trim()} … <!-- end -->`);
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

function units(rows: readonly UnitDoc[]): string {
  return table(['unit', 'is'], rows.map(({ unit, doc }) => [code(unit), cell(doc)]));
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
