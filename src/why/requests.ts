/** Requests in words. Pure. */
import type { RequestSketch } from '../admin/state.ts';

/** `GET /basket`, without what a terminal shows badly: that is done where it is printed. */
export function requestText({ method, host, path }: Pick<RequestSketch, 'method' | 'host' | 'path'>): string {
  return `${method} http://${host}${path}`;
}

/** `192.0.2.7, a bot (Googlebot/2.1)`, `192.0.2.7 (Mozilla/5.0 …)`. */
export function clientText({ client, userAgent, bot }: Pick<RequestSketch, 'client' | 'userAgent' | 'bot'>): string {
  if (userAgent === '') return `${client}, a program that sends no User-Agent`;
  return bot ? `${client}, a bot or program (${userAgent})` : `${client}, a browser (${userAgent})`;
}
