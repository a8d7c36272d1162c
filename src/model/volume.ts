/** Bind mounts: `host:container[:ro|rw]`. */
import type { Volume } from './app.ts';
import { BadValue, type Parser } from './column.ts';
import { parseStrings } from './json.ts';
import { absolutePath, isInside, pathUnderRoots } from './path.ts';
import { quoted } from './printable.ts';

const MAX_VOLUMES = 64;
/** File systems of the kernel: a mount over them changes what the container's walls are made of. */
const KERNEL_PATHS = ['/proc', '/sys', '/dev'];

export const volumes: Parser<readonly Volume[]> = (text, policy) => {
  const specs = parseStrings(text);
  if (specs.length > MAX_VOLUMES) throw new BadValue(`has ${specs.length} volumes, and ${MAX_VOLUMES} are allowed`);
  const seen = new Set<string>();
  return specs.map((spec) => {
    const volume = parseVolume(spec, policy.volumeRoots);
    if (seen.has(volume.container)) throw new BadValue(`mounts two volumes at ${quoted(volume.container)}`);
    seen.add(volume.container);
    return volume;
  });
};

function parseVolume(spec: string, roots: readonly string[]): Volume {
  const [host, container, mode = 'rw', ...rest] = spec.split(':');
  if (host === undefined || container === undefined || rest.length > 0) throw new BadValue(`has the element ${quoted(spec)}, which is not host:container[:ro|rw]`);
  if (mode !== 'ro' && mode !== 'rw') throw new BadValue(`has the mode ${quoted(mode)} in ${quoted(spec)}, which is not ro or rw`);
  const { root } = pathUnderRoots(host, roots, 'a host path');
  absolutePath(container, 'a container path');
  if (container === '/') throw new BadValue('mounts a volume at /; use rootfs for that');
  const kernel = KERNEL_PATHS.find((path) => container === path || isInside(container, path));
  if (kernel !== undefined) throw new BadValue(`mounts a volume at ${quoted(container)}; nothing may be mounted in ${kernel}`);
  return { host, root, container, readOnly: mode === 'ro' };
}
