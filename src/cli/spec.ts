/**
 * A command as its --help, its manual page and its shell completion describe it, and as its arguments are read: one
 * table for all of them, so that they cannot differ.
 */
import { parseArgs } from 'node:util';
import { wrapWords } from './width.ts';

export interface OptionSpec {
  /** Without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** What stands for its value, in capitals; absent: it takes none. */
  readonly value?: string;
  readonly multiple?: boolean;
  /** Words that its value is one of, for completion; `file`: a path. */
  readonly completes?: readonly string[] | 'file';
  /** A sentence without a capital or a full stop. */
  readonly doc: string;
}

export interface CommandSpec {
  readonly name: string;
  /** Section of the manual: 1 or 8. */
  readonly section: 1 | 8;
  /** A line, without a capital or a full stop. */
  readonly summary: string;
  /** One for each form of the command, without its name. */
  readonly forms: readonly string[];
  /** Paragraphs of plain text. */
  readonly description: readonly string[];
  readonly options: readonly OptionSpec[];
  /** First words that are commands of their own, for completion. */
  readonly verbs?: readonly { readonly name: string; readonly doc: string }[];
  /** What its other words name, for completion. */
  readonly words?: 'app';
  readonly exit: readonly { readonly code: number; readonly doc: string }[];
  /** For the manual page only. */
  readonly more?: readonly { readonly title: string; readonly paragraphs: readonly string[] }[];
  readonly examples?: readonly { readonly command: string; readonly doc: string }[];
  /** `fc-sync(8)` … */
  readonly seeAlso: readonly string[];
}

/** The command line makes no sense; the message says what of it. */
export class UsageError extends Error {}

export interface Arguments {
  /** Whether an option without a value was given. */
  has(name: string): boolean;
  /** The value of an option, the last one if it was given twice; null: it was not given. */
  value(name: string): string | null;
  values(name: string): readonly string[];
  readonly words: readonly string[];
  /** Names of all options that were given. */
  readonly given: readonly string[];
}

/** `--help`, -h, which every command has. */
export const HELP_OPTION: OptionSpec = { name: 'help', short: 'h', doc: 'print this' };

/** @throws UsageError for an option that the command does not have, or one without its value */
export function readArguments(spec: CommandSpec, args: readonly string[]): Arguments {
  const options = Object.fromEntries([...spec.options, HELP_OPTION].map(({ name, short, value }) => [name, {
    type: value === undefined ? 'boolean' as const : 'string' as const,
    multiple: true as const,
    ...(short !== undefined && { short }),
  }]));
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
  const all = (name: string): readonly unknown[] => {
    const given = parsed.values[name];
    return Array.isArray(given) ? given : [];
  };
  const texts = (name: string): readonly string[] => all(name).filter((value) => typeof value === 'string');
  return {
    has: (name) => all(name).length > 0,
    value: (name) => texts(name).at(-1) ?? null,
    values: texts,
    words: parsed.positionals,
    given: Object.keys(parsed.values),
  };
}

const WIDTH = 79;

/** What --help prints, without a newline at the end. */
export function helpText(spec: CommandSpec): string {
  const [first = '', ...others] = spec.forms;
  const usage = [usageLines('Usage: ', spec.name, first), ...others.map((form) => usageLines('       ', spec.name, form))];
  const rows = [
    ...(spec.verbs ?? []).map(({ name, doc }) => [name, doc] as const),
    ...[...spec.options, HELP_OPTION].map((option) => [optionText(option), option.doc] as const),
  ];
  const column = Math.min(24, 4 + Math.max(...rows.map(([text]) => text.length)));
  const table = rows.flatMap(([text, doc]) => {
    const lines = wrapWords(doc, WIDTH - column);
    const label = `  ${text}`;
    return label.length + 2 > column
      ? [label, ...lines.map((line) => ' '.repeat(column) + line)]
      : lines.map((line, at) => (at === 0 ? label.padEnd(column) : ' '.repeat(column)) + line);
  });
  const exit = `Exit status: ${spec.exit.map(({ code, doc }) => `${code} ${doc}`).join('; ')}.`;
  return [usage.join('\n'), ...spec.description.map((text) => wrapWords(text, WIDTH).join('\n')), table.join('\n'), wrapWords(exit, WIDTH).join('\n')].join('\n\n');
}

/** A form that is too long goes on below its own beginning. */
function usageLines(before: string, name: string, form: string): string {
  const indent = before.length + name.length + 1;
  return `${before}${name} ${wrapWords(form.replaceAll(/\[[^\]]*\]/g, (option) => option.replaceAll(' ', '\u00a0')), WIDTH - indent).join(`\n${' '.repeat(indent)}`)}`.trimEnd().replaceAll('\u00a0', ' ');
}

export function optionText({ name, short, value }: OptionSpec): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}
