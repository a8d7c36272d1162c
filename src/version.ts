/** Which version of FastContainer this is. */
import { readFileSync } from 'node:fs';

/** As package.json says, which lies beside src/ and dist/ alike. @throws Error when it does not */
export function version(): string {
  const said: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  if (typeof said !== 'object' || said === null || !('version' in said) || typeof said.version !== 'string') throw new Error('package.json says no version');
  return said.version;
}
