/** `HOST:PORT` of a command line. Pure. */
import { UsageError } from './spec.ts';

/** @throws UsageError */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65535)) throw new UsageError(`--listen ${text}: write HOST:PORT`);
  return { host, port };
}
