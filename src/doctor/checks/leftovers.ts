import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere, namesIn } from '../../files.ts';
import { containerUnit, gateUnit, netnsName, parseInstance, parseNetnsName, parseUnitName, socketUnit } from '../../model/names.ts';
import { HOST_PATHS } from '../../systemd/paths.ts';
import { check } from '../check.ts';
import { atMost, command, error, type Finding, warning } from '../finding.ts';
import { PROGRAM } from '../program.ts';
import { output } from '../run.ts';
import { shellWord, shellWords } from '../shell.ts';
import { listUnits, type UnitRow } from '../units.ts';

export interface LeftoverFacts {
  /** Instances that have unit files, and the age of those, in ms. */
  readonly onDisk: ReadonlyMap<string, number>;
  /** Instances that serve, as the snapshot has it; null: there is none. */
  readonly serving: ReadonlySet<string> | null;
  /** Units of apps that run, or are about to; of two looks, either. */
  readonly running: ReadonlySet<string>;
  /** Names of podman's containers and secrets that are ours. */
  readonly containers: readonly string[];
  readonly secrets: readonly string[];
  /** Instances that have a network namespace, and mounts. */
  readonly namespaces: readonly string[];
  readonly mounts: readonly string[];
  /** Files of instances, by path. */
  readonly files: ReadonlyMap<string, string>;
}

/** fc-sync --watch keeps files of what has ended for up to five minutes, and old generations until they have idled out. */
const OLD_MS = 15 * 60_000;

export function judgeLeftovers({ onDisk, serving, running, containers, secrets, namespaces, mounts, files }: LeftoverFacts): readonly Finding[] {
  const runs = (instance: string): boolean => [containerUnit, gateUnit].some((unit) => running.has(unit(instance)));
  const holds = (instance: string): boolean => runs(instance) || running.has(socketUnit(instance));
  const findings: Finding[] = [];
  const homeless = [...running].filter((unit) => !onDisk.has(parseUnitName(unit)?.instance ?? ''));
  findings.push(...homeless.map((unit) => error(`${unit} runs, and its file is gone`, 'nothing will ever stop it: the next daemon-reload forgets what it was', command(`systemctl stop ${shellWord(unit)}`))));
  const old = serving === null ? [] : [...onDisk].filter(([instance, ageMs]) => !serving.has(instance) && !holds(instance) && ageMs > OLD_MS).map(([instance]) => instance);
  if (old.length > 0) findings.push(warning(`${old.length} ${old.length === 1 ? 'generation has' : 'generations have'} unit files and no use, ${old[0] ?? ''} among them`, 'systemd reads them at each change', command('fc-sync --json >/dev/null')));
  findings.push(...containers.filter((name) => !runs(name.slice('fc-'.length))).map((name) =>
    warning(`podman has a container ${name}, and no unit of it runs`, 'its next start may fail, or it runs without anybody knowing', command(`podman rm --force --time 0 ${shellWord(name)}`))));
  const loose = secrets.filter((name) => !runs(name.slice('fc-'.length).replace(/-[0-9]+$/, '')));
  if (loose.length > 0) findings.push(warning(`podman keeps secrets of apps that do not run: ${loose.slice(0, 3).join(', ')}`, 'values of apps.env lie on this disk', command(`podman secret rm ${shellWords(loose)}`)));
  findings.push(...namespaces.filter((instance) => !onDisk.has(instance)).map((instance) =>
    warning(`the network namespace ${netnsName(instance)} belongs to no app`, 'it takes memory, and an address', command(`${PROGRAM}/libexec/fc-net down ${netnsName(instance)}`))));
  findings.push(...mounts.filter((instance) => !runs(instance)).map((instance) =>
    warning(`volumes of ${instance} are mounted, and it does not run`, 'storage that they lie on cannot be unmounted', command(`umount --recursive --lazy ${HOST_PATHS.run}/mounts/${instance}/*; rmdir ${HOST_PATHS.run}/mounts/${instance}/* ${HOST_PATHS.run}/mounts/${instance}`))));
  findings.push(...[...files].filter(([, instance]) => !onDisk.has(instance)).map(([path]) =>
    warning(`${path} belongs to no app`, 'it may hold what was secret, and takes an address', command(`rm ${shellWord(path)}`))));
  return atMost(20, findings);
}

const GLOBS = ['fc-app-*', 'fc-ctr-*'] as const;

export default check<LeftoverFacts>({
  id: 'leftovers',
  looksAt: 'what is left of apps and generations that are gone: units, containers, secrets, network namespaces, mounts, files',
  look: async (host) => {
    host.needRoot();
    // Apps wake and sleep meanwhile: what ran before or after the look was in use.
    const before = await listUnits(...GLOBS);
    const [containers, secrets] = await Promise.all([
      output('podman', ['ps', '--all', '--format', '{{.Names}}']),
      output('podman', ['secret', 'ls', '--format', '{{.Name}}']),
    ]);
    const [namespaces, mounts, env, net] = await Promise.all([HOST_PATHS.netns, `${HOST_PATHS.run}/mounts`, HOST_PATHS.env, HOST_PATHS.net].map(namesIn));
    const onDisk = await instancesOnDisk();
    const snapshot = await host.snapshot();
    const after = await listUnits(...GLOBS);
    const instances = (names: readonly string[] | undefined): readonly string[] => (names ?? []).filter((name) => parseInstance(name) !== null);
    return {
      onDisk,
      serving: snapshot === null ? null : new Set(snapshot.apps.flatMap(({ here }) => (here === null ? [] : [here.instance]))),
      running: new Set([...running(before), ...running(after)]),
      containers: ours(containers), secrets: ours(secrets),
      namespaces: (namespaces ?? []).map(parseNetnsName).filter((instance) => instance !== null),
      mounts: instances(mounts),
      files: new Map([...instances(net).map((instance) => [join(HOST_PATHS.net, instance), instance] as const), ...(env ?? []).map((name) => [join(HOST_PATHS.env, name), name.replace(/\.[0-9]+$/, '')] as const)]),
    };
  },
  judge: judgeLeftovers,
});

function running(units: ReadonlyMap<string, UnitRow>): readonly string[] {
  return [...units.values()].filter(({ unit, active }) => active !== 'inactive' && active !== 'failed' && parseUnitName(unit) !== null).map(({ unit }) => unit);
}

/** `fc-<instance>`, or `fc-<instance>-<n>` for a secret. */
export function ours(text: string): readonly string[] {
  return text.split('\n').map((name) => name.trim()).filter((name) => name.startsWith('fc-') && (parseInstance(name.slice('fc-'.length)) !== null || parseInstance(name.slice('fc-'.length).replace(/-[0-9]+$/, '')) !== null));
}

async function instancesOnDisk(): Promise<ReadonlyMap<string, number>> {
  const now = Date.now();
  const youngest = new Map<string, number>();
  for (const name of await namesIn(HOST_PATHS.units)) {
    const instance = parseUnitName(name)?.instance;
    if (instance === undefined || youngest.has(instance)) continue;
    const found = await ifThere(stat(join(HOST_PATHS.units, name)));
    if (found !== null) youngest.set(instance, now - found.mtimeMs);
  }
  return youngest;
}
