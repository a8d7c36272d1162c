/**
 * App → its units. Pure and deterministic: the same app gives the same bytes, and any difference in what
 * the units or the environment say gives another generation.
 */
import { createHash } from 'node:crypto';
import type { App } from '../model/app.ts';
import { type Network, hasNetns } from '../model/network.ts';
import {
  containerUnit, envFileName, gateUnit, instanceName, leaseUnit, netUnit, netnsName, refuseUnit, secretFileName,
  sliceName, socketPath, socketUnit,
} from '../model/names.ts';
import { type SplitEnv, splitEnv } from './envfile.ts';
import { type Image, imageOf } from './image.ts';
import { clean, hostPaths, makeSecrets, mountPaths, run, stop, waitFree, waitReady } from './libexec.ts';
import { podmanRun } from './podman.ts';
import { execLine, pathValue, plain, unitText } from './quote.ts';
import { type Templates, type View, renderTemplate } from './template.ts';

export interface RenderOptions {
  /** Raised by a recycle only: the same app anew. */
  readonly incarnation: number;
  /** How podman places the container in the unit's cgroup; see `podmanRun`. */
  readonly cgroups: 'disabled' | 'split';
  /** Whether Description= names the domains; then a changed domain makes a new generation. */
  readonly domainsInDescription: boolean;
}

/** A file that belongs to a generation. `unit`: below /etc/systemd/system; `env`: below ENV_DIR, for root's eyes only. */
export interface GenerationFile {
  readonly kind: 'unit' | 'env';
  readonly name: string;
  readonly text: string;
}

export interface Generation {
  readonly app: string;
  /** 8 hex digits. */
  readonly id: string;
  readonly instance: string;
  readonly units: {
    readonly socket: string;
    readonly gate: string;
    readonly container: string;
    readonly lease: string;
    /** null: the app uses the host's network. */
    readonly net: string | null;
  };
  readonly network: Network;
  /** null: it runs a directory tree. */
  readonly image: Image | null;
  readonly socketPath: string;
  /** Length of the lease in seconds; null: it never runs out. */
  readonly leaseS: number | null;
  /** In the order in which they are to be written: what a unit refers to comes before it. Made when asked for: of thousands of apps, few have a file to write. */
  readonly files: readonly GenerationFile[];
}

// Stands in for the generation's own name while its content is hashed.
const ANONYMOUS = '________';

export function renderApp(app: App, options: RenderOptions, templates: Templates): Generation {
  const id = createHash('sha256')
    .update(JSON.stringify([options.incarnation, leaseUnit(app.idleTimeoutS, ''), renderFiles(app, ANONYMOUS, options, templates)]))
    .digest('hex').slice(0, 8);
  return new Rendered(app, id, options, templates);
}

/** Thousands are kept: what can be made again from the app is, when asked for. */
class Rendered implements Generation {
  readonly app: string;
  readonly id: string;
  readonly instance: string;
  readonly units: Generation['units'];
  readonly network: Network;
  readonly image: Image | null;
  readonly socketPath: string;
  readonly leaseS: number | null;
  readonly #source: App;
  readonly #options: RenderOptions;
  readonly #templates: Templates;

  constructor(app: App, id: string, options: RenderOptions, templates: Templates) {
    const instance = instanceName(app.name, id);
    this.app = app.name;
    this.id = id;
    this.instance = instance;
    this.units = {
      socket: socketUnit(instance),
      gate: gateUnit(instance),
      container: containerUnit(instance),
      lease: leaseUnit(app.idleTimeoutS, instance),
      net: hasNetns(app.network) ? netUnit(instance) : null,
    };
    this.network = app.network;
    this.image = imageOf(app);
    this.socketPath = socketPath(app.name, id);
    this.leaseS = app.idleTimeoutS;
    this.#source = app;
    this.#options = options;
    this.#templates = templates;
  }

  get files(): readonly GenerationFile[] {
    return renderFiles(this.#source, this.id, this.#options, this.#templates);
  }
}

function renderFiles(app: App, id: string, options: RenderOptions, templates: Templates): GenerationFile[] {
  const instance = instanceName(app.name, id);
  const env = splitEnv(app.env);
  const view = viewOf(app, id, env, options);
  const unit = (name: string, template: string): GenerationFile => ({ kind: 'unit', name, text: renderTemplate(template, view) });
  return [
    ...(env.lines === '' ? [] : [{ kind: 'env', name: envFileName(instance), text: env.lines } as const]),
    ...[...env.secrets.values()].map((text, index) => ({ kind: 'env', name: secretFileName(instance, index), text } as const)),
    unit(containerUnit(instance), templates.container),
    unit(gateUnit(instance), templates.gate),
    unit(socketUnit(instance), templates.socket),
  ];
}

/** Every name that a template may use. */
function viewOf(app: App, id: string, env: SplitEnv, options: RenderOptions): View {
  const instance = instanceName(app.name, id);
  const netns = hasNetns(app.network);
  const paths = hostPaths(app);
  const secrets = env.secrets.size;
  const image = imageOf(app);
  return {
    title: unitText(title(app, id, options.domainsInDescription)),
    app: plain(app.name),
    slice: plain(sliceName(app.name)),
    container: plain(containerUnit(instance)),
    refuse: plain(refuseUnit(instance)),
    net: netns ? [plain(netUnit(instance))] : [],
    netns: netns ? [plain(netnsName(instance))] : [],
    image: image === null ? [] : [plain(image.unit)],
    socketPath: plain(socketPath(app.name, id)),
    port: plain(app.port),
    // Its lease keeps an app awake that never sleeps. Its gate has to end, or no old generation of it ever would.
    exitIdleTime: plain(`${app.idleTimeoutS ?? 60}s`),
    mounts: paths.map(({ path }) => pathValue(path)),
    memoryMax: app.memoryMax === null ? [] : [plain(app.memoryMax)],
    cpuQuota: app.cpuQuota === null ? [] : [plain(app.cpuQuota)],
    tasksMax: app.tasksMax === null ? [] : [plain(app.tasksMax)],
    delegate: options.cgroups === 'split' ? [plain('yes')] : [],
    mountPaths: paths.length === 0 ? [] : [execLine(mountPaths(app, instance))],
    waitFree: netns ? [] : [execLine(waitFree(app))],
    makeSecrets: secrets === 0 ? [] : [execLine(makeSecrets(instance, secrets))],
    run: execLine(run(podmanRun(app, instance, env, options.cgroups))),
    waitReady: execLine(waitReady(app)),
    stop: execLine(stop(app, instance)),
    clean: execLine(clean(app, instance, secrets)),
    startTimeout: plain(app.startTimeoutS),
    // systemd's own patience is longer than fc-stop's, which kills the container after the grace.
    stopTimeout: plain(app.stopTimeoutS + 10),
    // A backstop only: the hand-over to a fresh generation happens at the lifetime itself.
    runtimeMax: app.lifetimeS === null ? [] : [plain(app.lifetimeS * 2 + 600)],
  };
}

const SHOWN_DOMAINS = 5;

/** `shop, generation 1a2b3c4d (shop.example, www.shop.example)`. */
function title(app: App, id: string, withDomains: boolean): string {
  const name = `${app.name}, generation ${id}`;
  if (!withDomains || app.domains.length === 0) return name;
  const shown = app.domains.slice(0, SHOWN_DOMAINS).join(', ');
  const more = app.domains.length - SHOWN_DOMAINS;
  return `${name} (${shown}${more > 0 ? ` and ${more} more` : ''})`;
}
