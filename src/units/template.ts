/**
 * Unit templates: mustache with systemd's quoting in place of HTML's. A template says `{{name}}`, or
 * `{{#name}}…{{.}}…{{/name}}` for what may be there not at all or several times.
 */
import Mustache from 'mustache';
import { UnitValue } from './quote.ts';

/** Texts of the files in templates/. */
export interface Templates {
  readonly socket: string;
  readonly gate: string;
  readonly container: string;
  readonly lease: string;
}

export type View = Readonly<Record<string, UnitValue | readonly UnitValue[]>>;

/** @throws Error when the template asks for something the view does not have, or for a value that is not quoted */
export function renderTemplate(template: string, view: View): string {
  checkTags(Mustache.parse(template), view);
  return Mustache.render(template, view, undefined, { escape: textOf });
}

function textOf(value: unknown): string {
  if (!(value instanceof UnitValue)) throw new Error('A unit template was given a value that is not quoted.');
  return value.toString();
}

/** Mustache renders an unknown name as nothing, and `{{{name}}}` without asking `escape`: neither gets through here. */
function checkTags(tokens: readonly unknown[], view: View): void {
  for (const token of tokens) {
    if (!Array.isArray(token)) throw new Error('A unit template cannot be read.');
    const [type, name, , , children] = token as readonly unknown[];
    if (type === 'text') continue;
    if (type !== 'name' && type !== '#') throw new Error(`A unit template has a tag of the kind "${String(type)}"; only {{name}} and {{#name}} are used.`);
    if (name !== '.' && !Object.hasOwn(view, String(name))) throw new Error(`A unit template asks for "${String(name)}", which nothing gives.`);
    if (Array.isArray(children)) checkTags(children, view);
  }
}
