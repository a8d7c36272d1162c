/**
 * Under which names the admin listener may be asked. A page of any site can have its own name lead to 127.0.0.1, and
 * would then read what is told here ("DNS rebinding"); it cannot make a browser call an address, or a name that is not
 * its own, that way. Pure.
 */
import { isIP } from 'node:net';
import { hostOf } from '../proxy/route.ts';

/**
 * @param names of this machine, and what the operator allows
 * @returns whether a Host field is one of them, `localhost`, or an address
 */
export function allowedHosts(names: () => Iterable<string>): (host: string) => boolean {
  return (field) => {
    const host = hostOf(field);
    if (host === null) return false;
    if (isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost')) return true;
    for (const name of names()) if (host === name.toLowerCase()) return true;
    return false;
  };
}
