import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { check } from '../check.ts';
import { advice, command, error, type Finding, info, warning } from '../finding.ts';
import { NoProgram, run } from '../run.ts';

/** A program that the host's work stands on: the oldest version it was tried with, and Debian's package. */
interface Tool {
  readonly name: string;
  /** Where that is no program: what tells whether it is there. */
  readonly program?: string;
  readonly args: readonly string[];
  readonly least: string | null;
  readonly package: string;
}

export const TOOLS: readonly Tool[] = [
  { name: 'systemctl', args: ['--version'], least: '252', package: 'systemd' },
  { name: 'podman', args: ['--version'], least: '4.3', package: 'podman' },
  { name: 'crun', args: ['--version'], least: '1.8', package: 'crun' },
  { name: 'conmon', args: ['--version'], least: null, package: 'conmon' },
  { name: 'skopeo', args: ['--version'], least: null, package: 'skopeo' },
  { name: 'nft', args: ['--version'], least: '1.0', package: 'nftables' },
  { name: 'ip', args: ['-V'], least: null, package: 'iproute2' },
  // Without it nft and ip know no protocol by its name, and fc-firewall's rules are not loaded.
  { name: '/etc/protocols', program: 'getent', args: ['protocols', 'ipv6-icmp'], least: null, package: 'netbase' },
  { name: 'nsenter', args: ['--version'], least: null, package: 'util-linux' },
  { name: 'perl', args: ['-e', 'print substr($^V, 1)'], least: null, package: 'perl-base' },
];

/** Idmapped mounts, mount_setattr(2); Debian 12 has 6.1. */
const LEAST_KERNEL = '5.12';
const LEAST_NODE = '20.18.1';

export interface VersionFacts {
  readonly kernel: string;
  readonly node: string;
  /** Of os-release(5); null: there is none. */
  readonly os: { readonly id: string; readonly version: string } | null;
  /** Tool → what it says of its version; null: it is not there; empty: it would not say. */
  readonly tools: ReadonlyMap<string, string | null>;
}

export function judgeVersions({ kernel, node, os, tools }: VersionFacts): readonly Finding[] {
  const findings: Finding[] = [];
  if (isOlder(kernel, LEAST_KERNEL)) findings.push(error(`the kernel is ${kernel}, older than ${LEAST_KERNEL}`, 'it knows no idmapped mounts, which root file systems of apps need', command('apt-get update && apt-get install linux-image-amd64')));
  if (isOlder(node, LEAST_NODE)) findings.push(error(`Node is ${node}, older than ${LEAST_NODE}`, 'nobody has tried it', command('scripts/provision')));
  if (os === null || os.id !== 'debian' || !['12', '13'].includes(os.version)) {
    findings.push(info(`this is ${os === null ? 'an unknown system' : `${os.id} ${os.version}`}`, 'it was made for Debian 12 and 13, nobody has tried another', advice('try it with an app that nobody needs')));
  }
  for (const { name, least, package: from } of TOOLS) {
    const said = tools.get(name) ?? null;
    const version = said === null ? null : versionIn(said);
    if (said === null) findings.push(error(`there is no ${name}`, 'apps do not start without it', command(`apt-get update && apt-get install ${from}`)));
    else if (said === '') findings.push(info(`${name} does not say its version`, 'podman, for one, says nothing to who has no home', command(`${name} --version`)));
    else if (least !== null && (version === null || isOlder(version, least))) {
      findings.push(warning(`${name} is of version ${version ?? 'unknown'}, older than ${least}`, 'nobody has tried it', command(`apt-get update && apt-get install ${from}`)));
    }
  }
  return findings;
}

/** The first number that looks like a version. */
function versionIn(text: string): string | null {
  return /[0-9]+(?:\.[0-9]+)*/.exec(text)?.[0] ?? null;
}

/** By the numbers at the beginning. */
export function isOlder(version: string, least: string): boolean {
  const [have, need] = [version, least].map((text) => (/^[0-9.]+/.exec(text)?.[0] ?? '').split('.').map(Number));
  for (const [at, number] of (need ?? []).entries()) {
    const difference = (have?.[at] ?? 0) - number;
    if (difference !== 0) return difference < 0;
  }
  return false;
}

export default check<VersionFacts>({
  id: 'versions',
  looksAt: 'kernel, Debian, Node, systemd, podman, crun, nft and the other programs that are called',
  look: async () => ({
    kernel: release(),
    node: process.versions.node,
    os: parseOsRelease(await readFile('/etc/os-release', 'utf8').catch(() => '')),
    tools: new Map(await Promise.all(TOOLS.map(async ({ name, program, args }) => [name, await saidBy(program ?? name, args, program === undefined ? '' : null)] as const))),
  }),
  judge: judgeVersions,
});

export function parseOsRelease(text: string): VersionFacts['os'] {
  const value = (key: string): string | null => new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1] ?? null;
  const [id, version] = [value('ID'), value('VERSION_ID')];
  return id === null ? null : { id, version: version ?? '' };
}

/** @param failed what it counts as when it says that something is wrong */
async function saidBy(program: string, args: readonly string[], failed: string | null): Promise<string | null> {
  try {
    const { code, stdout, stderr } = await run(program, args);
    return code === 0 ? `${stdout}${stderr}` : failed;
  } catch (cause) {
    if (cause instanceof NoProgram) return null;
    throw cause;
  }
}
