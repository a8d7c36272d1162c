/** The apps that are measured, as images and as plain commands. */
import { fileURLToPath } from 'node:url';
import { TEST_COMMAND, TEST_IMAGE, type TestHost } from '../support/host.ts';

const CACHE = fileURLToPath(new URL('../../.cache/images', import.meta.url));
const REPO_APP = fileURLToPath(new URL('../apps/app.mjs', import.meta.url));

export interface BenchApp {
  /** What it is, for people. */
  readonly title: string;
  readonly image: string;
  /** What its container runs, and the port that it listens on there. */
  readonly command: readonly string[];
  readonly port: number;
  /** The same program outside of any container, on another port. */
  readonly plain: (port: number) => readonly string[];
}

/** Two megabytes, listens within two milliseconds: what is left is the way there. */
export const TINY: BenchApp = {
  title: 'busybox httpd',
  image: 'localhost/fc-tiny',
  command: ['/bin/busybox', 'httpd', '-f', '-p', '8080', '-h', '/www'],
  port: 8080,
  plain: (port) => ['/bin/busybox', 'httpd', '-f', '-p', `${port}`, '-h', '/srv/tiny'],
};

/** test/apps/app.mjs, with the start of a language's runtime. */
export const NODE: BenchApp = {
  title: 'a Node app',
  image: TEST_IMAGE,
  command: TEST_COMMAND,
  port: 8080,
  plain: (port) => ['/usr/bin/env', `PORT=${port}`, process.execPath, REPO_APP],
};

/** Makes TINY's image known to the host's podman (TEST_IMAGE is), and what it serves to itself. Once is enough. */
export async function importTiny(host: TestHost): Promise<void> {
  await host.ok(`
    podman image exists ${TINY.image} || podman import --quiet --change 'CMD ${JSON.stringify(TINY.command)}' ${CACHE}/tiny.tar ${TINY.image} >/dev/null
    mkdir -p /srv/tiny && echo hello >/srv/tiny/index.html
  `);
}
