/**
 * Everything that fc-proxy itself answers with, in one table: kind → status and title. `elsewhere`: the fault is the
 * host's, or the app's on it, so that another placement of the app may do better.
 */

export const PROBLEMS = {
  'bad-request': { status: 400, title: 'Bad Request' },
  'request-timeout': { status: 408, title: 'Request Timeout' },
  'header-too-large': { status: 431, title: 'Request Header Fields Too Large' },
  'method-not-allowed': { status: 405, title: 'Method Not Allowed' },
  'not-implemented': { status: 501, title: 'Not Implemented' },
  /** No app has this host name. */
  'unknown-host': { status: 404, title: 'Not Found' },
  /** The app took the request and broke the connection, or answered with what is no HTTP. */
  'app-broke': { status: 502, title: 'Bad Gateway' },
  /** The app did not start. */
  'start-failed': { status: 502, title: 'Bad Gateway', elsewhere: true },
  /** The app runs and cannot be connected to. */
  unreachable: { status: 502, title: 'Bad Gateway', elsewhere: true },
  /** The app failed to start again and again; its next try is due later. */
  quarantined: { status: 503, title: 'Service Unavailable', elsewhere: true },
  /** As many requests wait for starts as may. */
  'too-many-waiting': { status: 503, title: 'Service Unavailable', elsewhere: true },
  /** Another fc-proxy sent it here, and the app is not placed here. */
  misdirected: { status: 421, title: 'Misdirected Request' },
  /** The fc-proxy of the app's host broke the connection. */
  'host-broke': { status: 502, title: 'Bad Gateway' },
  /** No host that the app is placed on can be had. */
  'no-host': { status: 503, title: 'Service Unavailable' },
  /** The app's image is not on the host yet, and the one who asked has a choice. */
  fetching: { status: 503, title: 'Service Unavailable', elsewhere: true },
  /** fc-sync has not said yet what there is to serve. */
  'no-snapshot': { status: 503, title: 'Service Unavailable', elsewhere: true },
  /** systemd refused, or could not be reached: nothing is wrong with the app. */
  systemd: { status: 503, title: 'Service Unavailable', elsewhere: true },
  /** The app was not ready in time. */
  'start-timeout': { status: 504, title: 'Gateway Timeout', elsewhere: true },
  /** The app took the request and said nothing for longer than anyone waits. */
  'app-silent': { status: 504, title: 'Gateway Timeout' },
} as const satisfies Record<string, { status: number; title: string; elsewhere?: true }>;

export type ProblemKind = keyof typeof PROBLEMS;

export function isKind(text: string): text is ProblemKind {
  return Object.hasOwn(PROBLEMS, text);
}

/** A request that cannot be answered by the app. The message is what the client is told. */
export class Problem extends Error {
  readonly kind: ProblemKind;
  /** Seconds after which another try makes sense; null: unknown. */
  readonly retryAfterS: number | null;

  /** Whether another placement of the app may do better. */
  get elsewhere(): boolean {
    return 'elsewhere' in PROBLEMS[this.kind];
  }

  constructor(kind: ProblemKind, message: string, options: ErrorOptions & { retryAfterS?: number } = {}) {
    super(message, options);
    this.name = 'Problem';
    this.kind = kind;
    this.retryAfterS = options.retryAfterS ?? null;
  }
}
