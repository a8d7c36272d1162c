/**
 * Everything that fc-proxy itself answers with, in one table. What a problem's message says is for the operator: it
 * names programs, images, mounts and hosts. A visitor is told what `says` says, and finds the rest by its reference
 * (incidents.ts).
 */

interface Row {
  readonly status: number;
  readonly title: string;
  /** What a visitor is told, in plain words; null: the message, which is about the request alone. */
  readonly says: string | null;
  /** What it is called outside of the fleet, where its own name would tell how we are built. */
  readonly outside?: string;
  /** The fault is the host's, or the app's on it, so that another placement of the app may do better. */
  readonly elsewhere?: true;
}

const UNREACHED = 'The site cannot be reached at the moment.';
const PREPARED = 'The site is being made ready.';
const UNCERTAIN = 'If you were sending something, see whether it has arrived before you send it again.';
const BROKE = `The connection to the site broke before it had answered. ${UNCERTAIN}`;

export const PROBLEMS = {
  'bad-request': { status: 400, title: 'Bad Request', says: null },
  'request-timeout': { status: 408, title: 'Request Timeout', says: null },
  'header-too-large': { status: 431, title: 'Request Header Fields Too Large', says: null },
  'method-not-allowed': { status: 405, title: 'Method Not Allowed', says: null },
  'expectation-failed': { status: 417, title: 'Expectation Failed', says: null },
  'not-implemented': { status: 501, title: 'Not Implemented', says: null },
  /** No app has this host name. */
  'unknown-host': { status: 404, title: 'Not Found', says: null },
  /** The app took the request and broke the connection, or answered with what is no HTTP. */
  'app-broke': { status: 502, title: 'Bad Gateway', says: BROKE },
  /** The app did not start. */
  'start-failed': { status: 502, title: 'Bad Gateway', says: 'The site could not be started.', elsewhere: true },
  /** The app runs and cannot be connected to. */
  unreachable: { status: 502, title: 'Bad Gateway', says: UNREACHED, elsewhere: true },
  /** The app failed to start again and again; its next try is due later. */
  quarantined: { status: 503, title: 'Service Unavailable', says: 'The site could not be started. It is tried again after a pause.', elsewhere: true },
  /** As many requests wait for starts as may. */
  'too-many-waiting': { status: 503, title: 'Service Unavailable', says: 'More visitors are waiting than can be served at the moment.', elsewhere: true },
  /** Another fc-proxy sent it here, and the app is not placed here. */
  misdirected: { status: 421, title: 'Misdirected Request', says: null },
  /** The fc-proxy of the app's host broke the connection. */
  'host-broke': { status: 502, title: 'Bad Gateway', says: BROKE, outside: 'app-broke' },
  /** No host that the app is placed on can be had. */
  'no-host': { status: 503, title: 'Service Unavailable', says: UNREACHED, outside: 'unreachable' },
  /** The app's image is not on the host yet, and the one who asked has a choice. */
  fetching: { status: 503, title: 'Service Unavailable', says: PREPARED, outside: 'not-ready', elsewhere: true },
  /** fc-sync has not said yet what there is to serve. */
  'no-snapshot': { status: 503, title: 'Service Unavailable', says: PREPARED, outside: 'not-ready', elsewhere: true },
  /** systemd refused, or could not be reached: nothing is wrong with the app. */
  systemd: { status: 503, title: 'Service Unavailable', says: UNREACHED, outside: 'unreachable', elsewhere: true },
  /** The app starts, and its visitor is told so before it is ready (waiting-page.ts). To crawlers, 503 says that this is not the page. */
  starting: { status: 503, title: 'Service Unavailable', says: null },
  /** The app was not ready in time. */
  'start-timeout': { status: 504, title: 'Gateway Timeout', says: 'The site takes longer to start than a visitor can be kept waiting.', elsewhere: true },
  /** The app took the request and said nothing for longer than anyone waits. */
  'app-silent': { status: 504, title: 'Gateway Timeout', says: `The site did not answer in time. ${UNCERTAIN}` },
} as const satisfies Record<string, Row>;

export type ProblemKind = keyof typeof PROBLEMS;

export function isKind(text: string): text is ProblemKind {
  return Object.hasOwn(PROBLEMS, text);
}

export interface ProblemOptions extends ErrorOptions {
  readonly retryAfterS?: number;
  /** Under which another fc-proxy has told its journal of it. */
  readonly reference?: string;
}

/** A request that cannot be answered by the app. */
export class Problem extends Error {
  readonly kind: ProblemKind;
  /** Seconds after which another try makes sense; null: unknown. */
  readonly retryAfterS: number | null;
  readonly reference: string | null;

  constructor(kind: ProblemKind, message: string, options: ProblemOptions = {}) {
    super(message, options);
    this.name = 'Problem';
    this.kind = kind;
    this.retryAfterS = options.retryAfterS ?? null;
    this.reference = options.reference ?? null;
  }

  /** Whether another placement of the app may do better. */
  get elsewhere(): boolean {
    return 'elsewhere' in PROBLEMS[this.kind];
  }

  /** Whether its message is kept from visitors. */
  get withheld(): boolean {
    return PROBLEMS[this.kind].says !== null;
  }

  /** What a visitor is told. */
  get says(): string {
    return PROBLEMS[this.kind].says ?? this.message;
  }

  /** What it is called outside of the fleet, as a URI (RFC 9457 3.1.1). */
  get type(): string {
    const row: Row = PROBLEMS[this.kind];
    return `urn:fastcontainer:problem:${row.outside ?? this.kind}`;
  }
}
