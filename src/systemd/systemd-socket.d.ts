declare module 'systemd-socket' {
  /** The descriptor with that index among those handed over, unchecked; null without LISTEN_FDS. */
  export default function systemdSocket(index: number): { readonly fd: number } | null;
}
