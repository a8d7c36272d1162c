import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere, namesIn } from '../../files.ts';
import { imageUnit, parseImageId } from '../../model/names.ts';
import { HOST_PATHS } from '../../systemd/paths.ts';
import { check } from '../check.ts';
import { advice, atMost, command, error, type Finding, info } from '../finding.ts';
import { output, run } from '../run.ts';

export interface ImageFacts {
  readonly id: string;
  /** What it is called in podman's storage, and what the row says. */
  readonly name: string;
  readonly source: string;
  readonly isHere: boolean;
  /** Why it could not be fetched; null: nothing is said. */
  readonly failure: string | null;
  /** What its unit is. */
  readonly state: string;
}

export function judgeImages(images: readonly ImageFacts[]): readonly Finding[] {
  return atMost(20, images.filter(({ isHere }) => !isHere).map(({ id, source, name, failure, state }) => {
    const seen = `the image ${source} is not on this host`;
    if (failure === null && state === 'activating') return info(`${seen}, and is being fetched`, 'who visits an app that needs it waits', command(`systemctl --no-pager status ${imageUnit(id)}`));
    const means = 'apps that need it do not start';
    // Of an archive, podman's name is ours; any other name at localhost is in no registry.
    if (name.startsWith('localhost/') && source === name) return error(failure === null ? seen : `${seen}: ${failure}`, means, advice(`podman load, import or build it here as ${name}, then: systemctl restart ${imageUnit(id)}`));
    return error(failure === null ? seen : `${seen}: ${failure}`, means, command(`systemctl restart ${imageUnit(id)}`));
  }));
}

export default check<readonly ImageFacts[]>({
  id: 'images',
  looksAt: "the images that this host's apps need: in podman's storage, and why not",
  look: async (host) => {
    host.needRoot();
    const ids = (await namesIn(HOST_PATHS.images)).filter((name) => parseImageId(name) === name);
    if (ids.length === 0) return [];
    const units = await host.units();
    const known = namesOf(await output('podman', ['images', '--all', '--no-trunc', '--format', 'json']));
    return await inTurns(ids, async (id): Promise<ImageFacts> => {
      const [name = '', source = ''] = (await readFile(join(HOST_PATHS.images, id), 'utf8')).split('\n');
      const failure = await ifThere(readFile(join(HOST_PATHS.imageFailures, id), 'utf8'));
      // podman knows an image by more names than it lists: shorter ones.
      const isHere = known.has(name) || known.has(`${name}:latest`) || (await run('podman', ['image', 'exists', '--', name])).code === 0;
      return { id, name, source, isHere, failure: failure?.trim() ?? null, state: units.get(imageUnit(id))?.active ?? 'inactive' };
    });
  },
  judge: judgeImages,
});

/** podman is not asked about hundreds of images at once. */
const AT_ONCE = 4;

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const done: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) done.push(...await Promise.all(items.slice(at, at + AT_ONCE).map(work)));
  return done;
}

/** All names in podman's list, by tag and by digest. */
export function namesOf(json: string): ReadonlySet<string> {
  const list: unknown = JSON.parse(json);
  return new Set((Array.isArray(list) ? list : []).flatMap((image: unknown) => {
    if (typeof image !== 'object' || image === null) return [];
    const { Names: tags, RepoDigests: digests }: { Names?: unknown; RepoDigests?: unknown } = image;
    return [tags, digests].flatMap((names) => (Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []));
  }));
}
