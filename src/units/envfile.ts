/**
 * How the app's environment reaches podman without standing in a process list: `podman run --env-file`,
 * and podman secrets for what such a file cannot hold. The file (podman 4.3 to 5, pkg/env/env.go): one
 * KEY=VALUE a line, the value raw to the line's end, a carriage return at the end dropped, 64 KiB at most.
 */

const LINE_BYTES = 60_000;

export interface SplitEnv {
  /** Text of the environment file; '' when nothing goes there. */
  readonly lines: string;
  /** Values that need a secret each, by variable name, in the order of `env`. */
  readonly secrets: ReadonlyMap<string, string>;
}

export function splitEnv(env: ReadonlyMap<string, string>): SplitEnv {
  let lines = '';
  const secrets = new Map<string, string>();
  for (const [key, value] of env) {
    const line = `${key}=${value}`;
    if (/[\n\r]/.test(value) || Buffer.byteLength(line) > LINE_BYTES) secrets.set(key, value);
    else lines += `${line}\n`;
  }
  return { lines, secrets };
}
