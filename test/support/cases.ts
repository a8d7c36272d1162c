/** Apps whose units are kept as golden files: between them they use every setting. */
import type { App } from '../../src/model/app.ts';
import { type Generation, type RenderOptions, renderApp } from '../../src/units/render.ts';
import { loadTemplates } from '../../src/units/load-templates.ts';
import type { Templates } from '../../src/units/template.ts';
import { appOf } from './fleet.ts';

export const TEMPLATES: Templates = await loadTemplates(new URL('../../templates/', import.meta.url).pathname);

export const OPTIONS: RenderOptions = { incarnation: 0, cgroups: 'disabled', domainsInDescription: true };

export interface GoldenCase {
  readonly name: string;
  readonly app: App;
  readonly options: RenderOptions;
}

const domains = (app: string, count: number): { fqdn: string; app: string }[] => Array.from({ length: count }, (_, i) => ({ fqdn: `www${i}.${app}.example`, app }));

export const CASES: readonly GoldenCase[] = [
  { name: 'minimal', app: appOf({}), options: OPTIONS },
  {
    name: 'everything',
    app: appOf({
      name: 'my-shop', command: '["/usr/bin/node","/app/server.js","--title","50% off; \\"today\\" for $5"]', port: '3000',
      env: '{"NODE_ENV":"production","WORKERS":2,"GREETING":"it\'s 100% \\"$HOME\\" # ; \\\\","TLS_KEY":"-----BEGIN-----\\nabc\\n-----END-----\\n","B_KEY":"x\\ry"}',
      volumes: '["/srv/fc/my-shop/data:/data","/mnt/shared/it\'s 5% $ale:/assets:ro"]', memory_max: '512m', cpu_quota: '150', tasks_max: '64', idle_timeout_s: '60', lifetime_s: '86400',
      start_timeout_s: '5', stop_timeout_s: '3', ready_path: '/healthz?full=1&q="%20$x"',
    }, { domains: [{ fqdn: '*.shop.example', app: 'my-shop' }, ...domains('my-shop', 6)] }),
    options: { incarnation: 3, cgroups: 'split', domainsInDescription: true },
  },
  {
    name: 'rootfs',
    app: appOf({ name: 'tree', image: null, rootfs: '/srv/fc/trees/debian 12', command: '["/bin/app"]', idle_timeout_s: null, memory_max: null, tasks_max: null }, { domains: domains('tree', 1) }),
    options: { ...OPTIONS, domainsInDescription: false },
  },
  { name: 'private', app: appOf({ name: 'vault', network: 'private' }), options: OPTIONS },
  { name: 'host-network', app: appOf({ name: 'edge', network: 'host', stop_timeout_s: '0', ready_path: '/' }), options: OPTIONS },
];

/** What is kept of a generation, by file name: its own name is written `GENERATION`, so that a change shows where it is. */
export function goldenFiles(generation: Generation): Map<string, string> {
  const anonymous = (text: string): string => text.replaceAll(generation.id, 'GENERATION');
  return new Map([
    ['id', `${generation.id}\n`],
    ...generation.files.map((file): [string, string] => [anonymous(file.name), anonymous(file.text)]),
  ]);
}

export function renderCase(golden: GoldenCase): Generation {
  return renderApp(golden.app, golden.options, TEMPLATES);
}
