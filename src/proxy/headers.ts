/**
 * Header fields on their way through, in both directions. Pure: flat
 * name/value lists in and out, order, case and repetition kept.
 */
import { listed, remembered, without } from './fields.ts';
import { NotHttp } from './wire/not-http.ts';

/** What becomes of a request's field. */
type Fate =
  /** Goes through. */
  | 'keep'
  /** Speaks to this hop only (RFC 9110 7.6.1), or would be believed although any client can write it. */
  | 'drop'
  /** Says where the request came from: for peers that are trusted only. */
  | 'origin' | 'for' | 'proto' | 'host-was'
  /** What one fc-proxy says to another (HOP below); from anyone else it is dropped. */
  | 'app' | 'token' | 'choice'
  /** What our own waiting page asks. */
  | 'poll'
  /** Has a meaning of its own below. */
  | 'host' | 'connection' | 'content-length' | 'transfer-encoding' | 'te';

/** Fields of fc-proxy's own. No client gets one through, and no app. */
export const HOP = {
  /** In a request: the name of the app that it is for. */
  app: 'X-FastContainer-App',
  /** In a request: the fleet's token. Not Authorization, which is the client's. */
  token: 'X-FastContainer-Token',
  /** In a request: it can go elsewhere, and need not wait for what may take minutes. */
  choice: 'X-FastContainer-Choice',
  /** In a request, also of a visitor: his browser shows the waiting page, since so many seconds, and asks for nothing but whether the app is there (waiting-page.ts). */
  poll: 'X-FastContainer-Poll',
  /** In an answer: it is fc-proxy's own, and this is its kind (problem.ts), what is told, … */
  problem: 'X-FastContainer-Problem',
  detail: 'X-FastContainer-Detail',
  /** … under which reference its host's journal knows it, … */
  reference: 'X-FastContainer-Reference',
  /** … and that no byte of the request has gone to the app: it can be made again, whatever its method. */
  unsent: 'X-FastContainer-Not-Sent',
} as const;

const REQUEST_FATES: Readonly<Record<string, Fate>> = {
  host: 'host', connection: 'connection', 'content-length': 'content-length',
  'transfer-encoding': 'transfer-encoding', te: 'te',
  'keep-alive': 'drop', 'proxy-connection': 'drop', upgrade: 'drop', 'http2-settings': 'drop', trailer: 'drop',
  // We answer 100-continue ourselves.
  expect: 'drop',
  'proxy-authorization': 'drop', 'proxy-authenticate': 'drop',
  // CGI makes it HTTP_PROXY, which HTTP clients inside the app obey (CVE-2016-5385, "httpoxy").
  proxy: 'drop',
  forwarded: 'origin', 'x-real-ip': 'origin',
  'x-forwarded-for': 'for', 'x-forwarded-proto': 'proto', 'x-forwarded-host': 'host-was',
  'x-fastcontainer-app': 'app', 'x-fastcontainer-token': 'token', 'x-fastcontainer-choice': 'choice',
  'x-fastcontainer-poll': 'poll',
};

function fateOf(name: string): Fate {
  const lower = name.toLowerCase();
  const known = Object.hasOwn(REQUEST_FATES, lower) ? REQUEST_FATES[lower] : undefined;
  if (known !== undefined) return known;
  // CGI and WSGI make no difference between - and _: a client's X_Forwarded_For would arrive as ours.
  const dashed = lower.replaceAll('_', '-');
  if (dashed.startsWith('x-fastcontainer-')) return 'drop';
  if (dashed.startsWith('x-forwarded-')) return dashed === lower ? 'origin' : 'drop';
  if (dashed !== lower && Object.hasOwn(REQUEST_FATES, dashed)) return 'drop';
  return 'keep';
}

const fate = remembered(fateOf);

/** Who is at the other end of a connection. */
export interface Origin {
  /** IP address. */
  readonly address: string;
  /** Whether what it says of earlier hops is believed. */
  readonly trusted: boolean;
  /** Whether it is the internal listener's, where another fc-proxy has seen to X-Forwarded-*. */
  readonly internal: boolean;
}

/** A request's head, cleaned for the app. */
export interface Inbound {
  /** Number of Host fields, and the first one's value. */
  readonly hosts: number;
  readonly host: string;
  /** Fields for the app, without Host, Content-Length and X-Forwarded-Host. */
  readonly fields: string[];
  /** X-Forwarded-Host of a trusted peer; null: it is to be set from Host. */
  readonly forwardedHost: string | null;
  /** Length of the body as announced, 0 when there is none, null when it is chunked. */
  readonly length: number | null;
  /** A transfer coding that cannot be undone here: the answer is 501 (RFC 9112 6.1). */
  readonly coding: string | null;
  /** What the fields of HOP say, on the internal listener; null: nothing. Two tokens make none that is accepted. */
  readonly app: string | null;
  readonly token: string | null;
  readonly choice: boolean;
  /** Seconds that the waiting page of which it comes has been shown; null: it comes of none. */
  readonly poll: number | null;
}

/** Cleans a request's fields: hop-by-hop ones go, X-Forwarded-* say what is known. */
export function inbound(raw: readonly string[], origin: Origin): Inbound {
  const fields: string[] = [];
  let hosts = 0;
  let host = '';
  let length: number | null = 0;
  let coding: string | null = null;
  let connection = '';
  let trailers = false;
  let from = '';
  let proto = 'http';
  let forwardedHost: string | null = null;
  let app: string | null = null;
  let token: string | null = null;
  let poll: number | null = null;
  let choice = false;
  const trusted = origin.trusted || origin.internal;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name = '', value = ''] = [raw[i], raw[i + 1]];
    switch (fate(name)) {
      case 'keep': fields.push(name, value); break;
      case 'drop': break;
      case 'host': if (hosts++ === 0) host = value; break;
      case 'connection': connection = connection === '' ? value : `${connection},${value}`; break;
      // Digits only: node's parser has seen to it, as to there being no second one.
      case 'content-length': length = Number(value); break;
      case 'transfer-encoding':
        if (value.trim().toLowerCase() !== 'chunked' || length === null) coding = value;
        length = null;
        break;
      case 'te': trailers ||= /(^|,)\s*trailers\s*(;|,|$)/i.test(value); break;
      case 'origin': if (trusted) fields.push(name, value); break;
      case 'for': if (trusted) from += from === '' ? value : `, ${value}`; break;
      case 'proto': if (trusted) proto = value; break;
      case 'host-was': if (trusted) forwardedHost = value; break;
      case 'app': if (origin.internal) app = app === null ? value : `${app} ${value}`; break;
      case 'choice': choice ||= origin.internal; break;
      case 'poll': poll = /^[0-9]{1,4}$/.test(value) ? Number(value) : 0; break;
      case 'token': if (origin.internal) token = token === null ? value : `${token} ${value}`; break;
    }
  }
  const names = connection === '' ? null : listed(connection);
  const clean = names === null ? fields : without(fields, names);
  // We pass trailers on, so the wish for them may go through (RFC 9110 10.1.4).
  if (trailers) clean.push('TE', 'trailers');
  if (!origin.internal) from = from === '' ? origin.address : `${from}, ${origin.address}`;
  if (from !== '') clean.push('X-Forwarded-For', from);
  clean.push('X-Forwarded-Proto', proto);
  return { hosts, host, fields: clean, forwardedHost, length, coding, app, token, choice, poll };
}

/**
 * Fields that a response does not carry on: those of RFC 9110 7.6.1. No Via is
 * added in either direction: a gateway may leave it out of responses (RFC 9110
 * 7.6.3), and in requests it would switch off compression in nginx and IIS.
 */
const RESPONSE_DROPS: ReadonlySet<string> = new Set([
  'keep-alive', 'proxy-connection', 'te', 'upgrade', 'proxy-authenticate',
]);

/** What becomes of a response's field; the last two go through, and say something of the others. */
type ResponseFate = 'keep' | 'drop' | 'connection' | 'transfer-encoding' | 'trailer' | 'content-length' | 'content-disposition';

const responseFate = remembered((name): ResponseFate => {
  const lower = name.toLowerCase();
  switch (lower) {
    case 'connection': case 'transfer-encoding': case 'trailer': case 'content-length': case 'content-disposition': return lower;
    default: return RESPONSE_DROPS.has(lower) || lower.startsWith('x-fastcontainer-') ? 'drop' : 'keep';
  }
});

/**
 * Cleans a response's fields.
 * @param trailers whether trailers could follow; without, Trailer would announce what never comes
 * @throws NotHttp for a transfer coding that cannot be undone here
 */
export function outbound(raw: readonly string[], trailers: boolean): string[] {
  const fields: string[] = [];
  let connection = '';
  let length: string | null = null;
  let trailer: string | null = null;
  let late = false;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name = '', value = ''] = [raw[i], raw[i + 1]];
    const what = responseFate(name);
    switch (what) {
      case 'drop': continue;
      case 'connection': connection = connection === '' ? value : `${connection},${value}`; continue;
      // Only chunks are undone here. What is left of another coding would be taken for the content.
      case 'transfer-encoding': if (value.toLowerCase() === 'chunked') continue; throw new NotHttp('HPE_INVALID_TRANSFER_ENCODING', `a transfer coding other than chunked: ${value}`);
      case 'trailer': trailer = trailer === null ? value : `${trailer}, ${value}`; continue;
      case 'content-length': length = value; break;
      case 'content-disposition': late ||= length !== null && /[^\x00-\x7f]/.test(value); break;
      case 'keep': break;
    }
    fields.push(name, value);
  }
  // Trailers need chunks.
  if (trailer !== null && trailers && length === null) fields.push('Trailer', trailer);
  const names = connection === '' ? null : listed(connection);
  // Framing is ours to write: an app cannot name it away.
  names?.delete('content-length');
  const clean = names === null ? fields : without(fields, names);
  if (!late || length === null) return clean;
  // Node re-encodes a Content-Disposition that follows a Content-Length (nodejs/node#46528): let it follow none.
  return [...without(clean, new Set(['content-length'])), 'Content-Length', length];
}
