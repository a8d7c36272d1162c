/**
 * OCI image references: the grammar of the distribution project's `reference` package
 * (`[registry[:port]/]path[:tag][@digest]`), which podman follows.
 */
import { BadValue, type Parser } from './column.ts';
import { quoted } from './printable.ts';

const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const REGISTRY = `(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?`;
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REFERENCE = new RegExp(
  `^(?<name>(?:${REGISTRY}/)?${COMPONENT}(?:/${COMPONENT})*)` +
  '(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?' +
  '(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,128})?$',
);
const NAME_MAX = 255;

/** @throws BadValue unless it is a reference; `docker://…`, `oci-archive:/…` and other transports are not. */
export const image: Parser<string> = (text) => {
  // The length first: it bounds what the expression below may cost.
  const name = text.length <= 600 ? REFERENCE.exec(text)?.groups?.['name'] : undefined;
  if (name === undefined) throw new BadValue(`is ${quoted(text)}, not an image reference such as registry.example.com/team/app:1.2`);
  if (name.length > NAME_MAX) throw new BadValue(`has a name of ${name.length} characters, and ${NAME_MAX} are allowed`);
  return text;
};
