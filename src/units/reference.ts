/** What each unit is, for people: the reference and the manual page come from this table. */

export interface UnitDoc {
  /** Its name, with `<app>`, `<gen>` … for what varies. */
  readonly unit: string;
  readonly doc: string;
}

/** Of an app, or of what its row asks for. */
export const APP_UNITS: readonly UnitDoc[] = [
  { unit: 'fc-app-<app>-<gen>.socket', doc: 'its door for any program on the host: `/run/fastcontainer/<app>-<gen>.sock`, and `<app>.sock` leads to the current one' },
  { unit: 'fc-app-<app>-<gen>.service', doc: 'the gate behind the door: `systemd-socket-proxyd` in the app\'s network namespace' },
  { unit: 'fc-ctr-<app>-<gen>.service', doc: 'the container; active once the app listens (and answers `ready_path`)' },
  { unit: 'fc-lease-<n>s@<app>-<gen>.timer', doc: 'the lease, `fc-lease-never@…` for an app that never sleeps' },
  { unit: 'fc-lease-elapsed@<app>-<gen>.target', doc: 'what a lease that runs out activates, for want of anything to do' },
  { unit: 'fc-net-<xx>@<app>-<gen>.service', doc: 'the network namespace, kept while the app sleeps; `<xx>` is that of the app\'s slice, `fc-apps-<xx>.slice`' },
  { unit: 'fc-image@<id>.service', doc: 'the image, shared by the apps that run it: active once it is on this host' },
  { unit: 'fc-port@<port>.socket', doc: 'the door at a TCP port of the host (`listen_port`), whichever app it leads to' },
  { unit: 'fc-port@<port>.service', doc: 'runs while it has connections: `systemd-socket-proxyd` to where `/var/lib/fastcontainer/ports/<port>` leads' },
  { unit: 'fc-deep@<app>-<gen>.service', doc: 'runs for a moment when the app falls into deep sleep, or a generation of it goes: gives its network namespace back' },
  { unit: 'fc-refuse@<app>-<gen>.timer', doc: 'turns away who waits at the door of an app that does not start' },
];

/** Of the host. */
export const HOST_UNITS: readonly UnitDoc[] = [
  { unit: 'fc-sync-watch.service', doc: '`fc-sync --watch`: applies each committed change' },
  { unit: 'fc-sync.timer', doc: 'instead of it: runs `fc-sync.service` every 30 seconds' },
  { unit: 'fc-sync.service', doc: 'one run of `fc-sync`' },
  { unit: 'fc-proxy.socket', doc: 'the port that fc-proxy takes HTTP requests at, 80' },
  { unit: 'fc-proxy-internal.socket', doc: 'the port at which it takes those that other hosts pass on, 8079' },
  { unit: 'fc-proxy.service', doc: 'the first process of fc-proxy' },
  { unit: 'fc-proxy@<n>.service', doc: 'the others, where `[proxy] processes` says so' },
  { unit: 'fc-admin.socket', doc: 'where the host tells how it stands: 127.0.0.1:8078 and `/run/fc-admin/admin.sock`' },
  { unit: 'fc-admin-report.socket', doc: 'where the processes of fc-proxy tell what they count' },
  { unit: 'fc-admin.service', doc: 'fc-admin, which puts it together' },
  { unit: 'fc-apps.target', doc: 'what starts with the host: the doors of apps, then those at ports' },
  { unit: 'fc-doors.target', doc: 'the doors of apps that were open before the boot' },
  { unit: 'fc-doors.service', doc: 'opens them' },
  { unit: 'fc-firewall.service', doc: 'the wall between the apps' },
  { unit: 'fc-egress.path', doc: 'notices that the host\'s name servers, or `[network]`, have changed' },
  { unit: 'fc-egress.service', doc: 'has that dealt with' },
  { unit: 'fc-egress@<n>.service', doc: 'tells apps with egress of it' },
  { unit: 'fc-seccomp.service', doc: 'has crun compile the containers\' system call filter ahead: a start that compiles its own takes some 30 ms of CPU time more' },
];
