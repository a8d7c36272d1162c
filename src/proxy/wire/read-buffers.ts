/** Where what comes from apps is read into: no memory is taken for a read, nor left for the garbage collector. */

/** For all connections that have none of their own: what is read is used, or copied, before the next one reads. */
export const SHARED = Buffer.allocUnsafeSlow(65_536);

/** For a connection that brings much: whoever takes its bytes may keep them for a while. */
const OWN_BYTES = 262_144;

/** How many of those that are not in use are kept. */
const MOST_SPARE = 8;

const spare: Buffer[] = [];

/** A buffer for one connection. */
export function takeBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(OWN_BYTES);
}

/** Takes one back of which nobody uses anything any more. */
export function giveBuffer(buffer: Buffer): void {
  if (spare.length < MOST_SPARE) spare.push(buffer);
}
