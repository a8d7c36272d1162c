/** A registry on a test host: Debian's docker-registry, behind a door that a test can shut. */
import assert from 'node:assert/strict';
import type { TestHost } from './host.ts';

/** Where the host's podman finds it, over plain HTTP. */
export const REGISTRY = '127.0.0.1:5001';

/** Passes requests on while /run/registry-open is there, lets them wait while it is not; notes each in /run/registry-log. */
const DOOR = `
const { appendFileSync, existsSync } = require('fs');
const http = require('http');
http.createServer((request, response) => {
  appendFileSync('/run/registry-log', request.method + ' ' + request.url + '\\n');
  const pass = () => {
    if (!existsSync('/run/registry-open')) return void setTimeout(pass, 20);
    const onward = http.request({ port: 5000, host: '127.0.0.1', method: request.method, path: request.url, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  };
  pass();
}).listen(5001, '127.0.0.1');
`;

export class Registry {
  readonly #host: TestHost;

  private constructor(host: TestHost) {
    this.#host = host;
  }

  static async start(host: TestHost): Promise<Registry> {
    const { code } = await host.exec('test', '-x', '/usr/bin/docker-registry');
    assert.equal(code, 0, 'docker-registry is not installed, without which nothing of this can be tested: apt-get install docker-registry');
    await host.ok(`
      printf '[[registry]]\\nlocation = "${REGISTRY}"\\ninsecure = true\\n' > /etc/containers/registries.conf.d/50-test.conf
      printf 'version: 0.1\\nlog: {level: error, accesslog: {disabled: true}}\\nstorage: {filesystem: {rootdirectory: /var/lib/registry}}\\nhttp: {addr: "127.0.0.1:5000"}\\n' > /etc/registry-test.yml
      systemd-run --quiet --unit=registry /usr/bin/docker-registry serve /etc/registry-test.yml
      cat > /root/door.cjs <<'JS'\n${DOOR}\nJS
      systemd-run --quiet --unit=registry-door "$(command -v node || echo /usr/lib/fastcontainer-node/node_modules/node/bin/node)" /root/door.cjs
      : > /run/registry-log; : > /run/registry-open
    `);
    await host.until(async () => (await host.sh(`curl -sf http://${REGISTRY}/v2/`)).code === 0 || 'no answer', { timeoutMs: 15_000, what: 'the registry answers' });
    return new Registry(host);
  }

  /** Puts an image of the test app there, whose APP_VERSION is `version`, and leaves none of it on the host. */
  async push(name: string, version: string): Promise<string> {
    const reference = `${REGISTRY}/${name}`;
    await this.#host.ok(`
      printf 'FROM localhost/fc-test-app\\nENV APP_VERSION=${version}\\n' | podman build --quiet --pull=never --tag ${reference} - >/dev/null
      podman push --quiet ${reference}
      podman rmi ${reference} >/dev/null
    `, { timeoutMs: 60_000 });
    return reference;
  }

  /** From now on requests wait. */
  async shut(): Promise<void> {
    await this.#host.ok('rm -f /run/registry-open');
  }

  async open(): Promise<void> {
    await this.#host.ok(': > /run/registry-open');
  }

  /** It and its door are gone. */
  async stop(): Promise<void> {
    await this.#host.ok('systemctl stop registry registry-door');
  }

  /** How often it has been asked for anything. */
  async asked(): Promise<number> {
    return Number(await this.#host.ok('wc -l < /run/registry-log'));
  }
}
