/**
 * Where an app's image comes from: a reference by the grammar of the distribution project's `reference` package
 * (`[registry[:port]/]path[:tag][@digest]`), which podman follows, or an archive on the host's disks
 * (containers-transports(5)): `oci-archive:/path[:reference]`, `docker-archive:/path[:reference]`.
 */
import type { ImageSource } from './app.ts';
import { BadValue, type Parser } from './column.ts';
import { pathUnderRoots } from './path.ts';
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

const ARCHIVE = /^(?<transport>oci-archive|docker-archive):(?<path>[^:]*)(?::(?<tag>.*))?$/su;
/** Which of an archive's images; what the two kinds of archive call them, and nothing that has a meaning beyond. */
const ARCHIVE_TAG = /^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,254}$/;

/** What podman takes for something else than a reference, wherever a colon follows. */
const TRANSPORTS: ReadonlySet<string> = new Set(['atomic', 'containers-storage', 'dir', 'docker', 'docker-archive', 'docker-daemon', 'oci', 'oci-archive', 'ostree', 'sif', 'tarball']);

/** @throws BadValue unless it is a reference or an archive below one of the roots; `docker://…` and other transports are neither. */
export const image: Parser<ImageSource> = (text, policy) => {
  const archive = ARCHIVE.exec(text)?.groups;
  if (archive !== undefined) return archiveOf(archive, policy.volumeRoots);
  // The length first: it bounds what the expression below may cost.
  const name = text.length <= 600 ? REFERENCE.exec(text)?.groups?.['name'] : undefined;
  if (name === undefined || (name !== text && TRANSPORTS.has(name))) throw new BadValue(`is ${quoted(text)}, not an image reference such as registry.example.com/team/app:1.2 or oci-archive:/path`);
  if (name.length > NAME_MAX) throw new BadValue(`has a name of ${name.length} characters, and ${NAME_MAX} are allowed`);
  return { kind: 'image', image: text };
};

function archiveOf({ transport, path = '', tag }: Readonly<Record<string, string | undefined>>, roots: readonly string[]): ImageSource {
  if (tag !== undefined && !ARCHIVE_TAG.test(tag)) {
    throw new BadValue(`names the image ${quoted(tag)} in its archive, which is not 1 to 255 of a-z, A-Z, 0-9, _, ., :, / and -, a letter, digit or _ first`);
  }
  return {
    kind: 'archive', transport: transport === 'docker-archive' ? 'docker-archive' : 'oci-archive',
    ...pathUnderRoots(path, roots, 'the archive'), tag: tag ?? null,
  };
}
