/** The manual page of a command, from the table that --help and the reading of its arguments come from. Pure. */
import { type CommandSpec, HELP_OPTION, optionText } from '../cli/spec.ts';
import { example, heading, item, type Page, paragraph, roff } from './roff.ts';

export function commandPage(spec: CommandSpec): Page {
  return {
    name: spec.name,
    section: spec.section,
    summary: spec.summary,
    blocks: [
      heading('SYNOPSIS'),
      spec.forms.map((form) => `\\fB${roff(spec.name)}\\fR ${roff(form)}`).join('\n.br\n'),
      heading('DESCRIPTION'),
      ...spec.description.map(paragraph),
      ...(spec.verbs === undefined ? [] : [heading('COMMANDS'), ...spec.verbs.map(({ name, doc }) => item(name, sentence(doc)))]),
      heading('OPTIONS'),
      ...[...spec.options, HELP_OPTION].map((option) => item(optionText(option), sentence(option.doc))),
      heading('EXIT STATUS'),
      ...spec.exit.map(({ code, doc }) => item(String(code), sentence(doc))),
      ...(spec.more ?? []).flatMap(({ title, paragraphs }) => [heading(title), ...paragraphs.map(paragraph)]),
      ...(spec.examples === undefined ? [] : [heading('EXAMPLES'), ...spec.examples.flatMap(({ command, doc }) => [paragraph(`${sentence(doc).slice(0, -1)}:`), example(command)])]),
    ],
    seeAlso: spec.seeAlso,
  };
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
