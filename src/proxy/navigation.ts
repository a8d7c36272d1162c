/** Whether a request is a person's browser on its way to another page, which may be shown something while it waits. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { namesHtml } from './negotiate.ts';

/** Conditions on what exactly is to be got: a page in its place would be taken for that. A browser that asks whether its copy is still good (If-None-Match) is none the worse for a 503. */
const PRECISE = ['range', 'if-range', 'if-match', 'if-unmodified-since'] as const;

/** Who loads a page ahead, nobody looking at it: by today's name, and by those that came before. */
const AHEAD = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'] as const;

/**
 * Fetch Metadata (W3C, Sec-Fetch-*) says it, where the browser sends it: not over plain HTTP, and Safari not before 16.4.
 * Without it, a browser is told from programs that name HTML as well (crawlers, monitors, previews of links) by
 * Upgrade-Insecure-Requests, which goes with navigations only; whoever sends neither waits as before.
 */
export function isNavigation(method: string, headers: IncomingHttpHeaders): boolean {
  if (method !== 'GET' || !namesHtml(headers.accept)) return false;
  if (PRECISE.some((name) => headers[name] !== undefined) || headers['x-requested-with'] !== undefined) return false;
  if (AHEAD.some((name) => /prefetch|prerender|preview/i.test(String(headers[name] ?? '')))) return false;
  const mode = headers['sec-fetch-mode'];
  const destination = headers['sec-fetch-dest'];
  if (mode !== undefined || destination !== undefined) return mode === 'navigate' && destination === 'document';
  return headers['upgrade-insecure-requests'] === '1';
}
