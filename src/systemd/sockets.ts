/** Listening descriptors that systemd hands over, sd_listen_fds(3). */
import systemdSocket from 'systemd-socket';

export interface InheritedSocket {
  readonly fd: number;
  /** FileDescriptorName= of the socket unit. */
  readonly name: string;
}

/**
 * The descriptors meant for this process, none when it was started by hand.
 * `systemd-socket` knows where they begin; it checks neither whom they are for
 * nor how many there are.
 * @throws Error when the variables contradict each other
 */
export function inheritedSockets(pid: number = process.pid): InheritedSocket[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = process.env;
  if (LISTEN_PID === undefined || LISTEN_FDS === undefined) return [];
  if (!/^[0-9]{1,10}$/.test(LISTEN_PID) || !/^[0-9]{1,4}$/.test(LISTEN_FDS)) {
    throw new Error(`LISTEN_PID=${LISTEN_PID} LISTEN_FDS=${LISTEN_FDS}: not numbers, see sd_listen_fds(3)`);
  }
  // Inherited through a process that did not clean up: the descriptors are its, not ours.
  if (Number(LISTEN_PID) !== pid) return [];
  const count = Number(LISTEN_FDS);
  const names = LISTEN_FDNAMES === undefined || LISTEN_FDNAMES === '' ? null : LISTEN_FDNAMES.split(':');
  if (names !== null && names.length !== count) {
    throw new Error(`LISTEN_FDNAMES=${LISTEN_FDNAMES} has ${names.length} names for ${count} descriptors`);
  }
  return Array.from({ length: count }, (_, index) => {
    const handed = systemdSocket(index);
    if (handed === null) throw new Error('systemd-socket finds no LISTEN_FDS');
    return { fd: handed.fd, name: names?.[index] ?? 'unknown' };
  });
}
