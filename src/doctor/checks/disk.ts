import { stat, statfs } from 'node:fs/promises';
import { ifThere } from '../../files.ts';
import { check } from '../check.ts';
import { command, error, type Finding, type Remedy, warning } from '../finding.ts';

export interface DiskFacts {
  readonly path: string;
  readonly freeBytes: number;
  readonly bytes: number;
  readonly freeInodes: number;
  /** 0: the file system makes them as it needs them. */
  readonly inodes: number;
}

interface Place {
  readonly path: string;
  readonly means: string;
  readonly remedy: Remedy;
}

const IMAGES: Remedy = command('podman image prune --force; podman system df');
const SIZES: Remedy = command('du --one-file-system --human-readable --max-depth=2 /var | sort --human-numeric-sort | tail -n 20');

export const PLACES: readonly Place[] = [
  { path: '/var/lib/containers', means: 'images are not fetched, and containers do not start, once it is full', remedy: IMAGES },
  { path: '/var/lib/fastcontainer', means: 'no changed row is applied once it is full', remedy: SIZES },
  { path: '/etc/systemd/system', means: 'no changed row is applied once it is full', remedy: SIZES },
  { path: '/run', means: 'nothing starts once it is full', remedy: command('du --one-file-system --human-readable --max-depth=2 /run | sort --human-numeric-sort | tail -n 20') },
  { path: '/var/log', means: 'nothing is logged once it is full', remedy: command('journalctl --vacuum-size=500M') },
];

/** Shares that are free: few, and as good as none. */
const FEW = 0.1;
const NONE = 0.02;
/** Of a large disk, so much is enough. */
const ENOUGH_BYTES = 10 * 2 ** 30;

export function judgeDisk(disks: readonly DiskFacts[]): readonly Finding[] {
  return disks.flatMap(({ path, freeBytes, bytes, freeInodes, inodes }) => {
    const place = PLACES.find((one) => one.path === path);
    if (place === undefined) return [];
    const of = (what: string, share: number): Finding[] => {
      if (share >= FEW) return [];
      const seen = `of the ${what} for ${path} ${(share * 100).toFixed(1)}% ${what === 'space' ? 'is' : 'are'} free`;
      return [(share < NONE ? error : warning)(seen, place.means, place.remedy)];
    };
    return [
      ...(freeBytes >= ENOUGH_BYTES ? [] : of('space', bytes === 0 ? 1 : freeBytes / bytes)),
      ...of('inodes', inodes === 0 ? 1 : freeInodes / inodes),
    ];
  });
}

export default check<readonly DiskFacts[]>({
  id: 'disk',
  looksAt: 'space and inodes for images, units, what fc-sync keeps, logs and /run',
  look: async () => {
    const looked = await Promise.all(PLACES.map(async ({ path }) => {
      const [found, disk] = await Promise.all([ifThere(stat(path)), ifThere(statfs(path))]);
      return found === null || disk === null ? null : { device: found.dev, path, freeBytes: disk.bavail * disk.bsize, bytes: disk.blocks * disk.bsize, freeInodes: disk.ffree, inodes: disk.files };
    }));
    const there = looked.filter((one) => one !== null);
    // A file system that is full is told once.
    return there.filter(({ device }, at) => there.findIndex((one) => one.device === device) === at);
  },
  judge: judgeDisk,
});
