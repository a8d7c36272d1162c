/** Absolute paths that say what they mean: no `.`, `..`, `//` or trailing slash. */
import { BadValue } from './column.ts';
import { quoted } from './printable.ts';

const COMPONENT_BYTES = 255; // NAME_MAX
const PATH_BYTES = 1024;
// Characters with a meaning in podman's --volume and --rootfs arguments (`:` and `,`), in overlayfs' mount
// options (`:`, `,`, `\`) or in CSV (`"`), which podman reads some of them as; and what no terminal should see.
const UNSAFE = /[:,\\"\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{NChar}]/u;

/** @throws BadValue unless `path` is absolute, normal, and free of characters that podman gives a meaning to. */
export function absolutePath(path: string, what: string): string {
  const bytes = Buffer.byteLength(path);
  if (bytes > PATH_BYTES) throw new BadValue(`has ${what} of ${bytes} bytes, and ${PATH_BYTES} are allowed`);
  if (!path.startsWith('/')) throw new BadValue(`has ${what} ${quoted(path)}, which does not start with /`);
  const bad = UNSAFE.exec(path);
  if (bad !== null) throw new BadValue(`has ${what} ${quoted(path)} with the character ${quoted(bad[0])}, which is not allowed there`);
  for (const component of path === '/' ? [] : path.slice(1).split('/')) {
    if (component === '' || component === '.' || component === '..') {
      throw new BadValue(`has ${what} ${quoted(path)}, which is not in its shortest form (no //, ., .. or / at the end)`);
    }
    if (Buffer.byteLength(component) > COMPONENT_BYTES) throw new BadValue(`has ${what} with a component of more than ${COMPONENT_BYTES} bytes`);
  }
  return path;
}

/** Whether `path` lies in `folder` and is not `folder` itself; both absolute and normal. */
export function isInside(path: string, folder: string): boolean {
  const prefix = folder.endsWith('/') ? folder : `${folder}/`;
  return path.startsWith(prefix) && path.length > prefix.length;
}

/** A path on the host, and the configured root that it lies under. */
export interface RootedPath {
  readonly path: string;
  readonly root: string;
}

/**
 * A path on the host below one of `roots`; of several the innermost counts.
 * @throws BadValue
 */
export function pathUnderRoots(path: string, roots: readonly string[], what: string): RootedPath {
  absolutePath(path, what);
  const [root] = roots.filter((candidate) => isInside(path, candidate)).sort((a, b) => b.length - a.length);
  if (root !== undefined) return { path, root };
  const where = roots.length === 0 ? 'and the configuration allows none ([volumes] roots)' : `which is not below ${roots.join(' or ')} ([volumes] roots)`;
  throw new BadValue(`has ${what} ${quoted(path)}, ${where}`);
}
