/** What was asked: an app's name, a host name, or a URL. Pure. */
import { isAppName } from '../model/names.ts';
import { quoted } from '../model/printable.ts';
import { hostOf } from '../proxy/route.ts';
import { UsageError } from '../cli/spec.ts';
import type { Question } from './facts.ts';

/** Of which kind it is depends on what there is: `shop` may be either. */
export interface Asked {
  readonly app: string | null;
  readonly host: string | null;
}

/** @throws UsageError when it can be neither */
export function parseAsked(text: string): Asked {
  const url = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(text);
  if (url !== null && !/^(https?|wss?)$/i.test(url[1] ?? '')) throw new UsageError(`${quoted(text)} is no http URL`);
  const found = hostOf(url?.[2] ?? text.replace(/[/?#].*$/s, ''));
  const host = found !== null && /[a-z0-9]/.test(found) ? found : null;
  const app = url === null && isAppName(text) ? text : null;
  if (app === null && host === null) throw new UsageError(`${quoted(text)} is neither an app's name nor a host name nor a URL`);
  return { app, host };
}

/** @param hasApp whether there is an app of that name, @param hasHost whether a domain has that host name */
export function questionOf({ app, host }: Asked, hasApp: (name: string) => boolean, hasHost: (name: string) => boolean): Question {
  if (app !== null && (hasApp(app) || host === null || (!hasHost(host) && !host.includes('.')))) return { kind: 'app', name: app };
  return { kind: 'host', name: host ?? app ?? '' };
}
