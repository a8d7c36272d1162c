/** Where the program lies on a host, and what of it runs. */

export const PROGRAM = '/usr/lib/fastcontainer';

/** Helpers that units call, below libexec/. */
export const HELPERS: readonly string[] = [
  'fc-clean', 'fc-deep', 'fc-firewall', 'fc-idmap', 'fc-image', 'fc-net', 'fc-own', 'fc-paths', 'fc-proxy-run', 'fc-ready', 'fc-resolv',
  'fc-run', 'fc-seccomp', 'fc-secrets', 'fc-setting', 'fc-stop', 'fastcontainer-egress.nft', 'fastcontainer.nft',
];

export const TEMPLATES: readonly string[] = ['fc-app.service', 'fc-app.socket', 'fc-ctr.service', 'fc-lease.timer'];
