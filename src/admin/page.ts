/** The page for a browser: the files of page/, as they are, and what the browser is to hold against strangers' text in them. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { AdminAnswer, Handler } from './server.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml',
};

/**
 * Nothing but what lies beside the page, no script or style in it, nothing that makes markup of text
 * (W3C Trusted Types), no page around it (W3C Content Security Policy Level 3).
 */
const POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
].join('; ');

/** Of each file: `/` is the page, the others lie at `/page/NAME`. Read once. */
export function pageRoutes(folder = new URL('page/', import.meta.url)): readonly (readonly [path: string, Handler])[] {
  return readdirSync(folder).flatMap((name) => {
    const type = TYPES[extname(name)];
    if (type === undefined) return [];
    const answer = answerOf(readFileSync(new URL(name, folder)), type);
    return [[name === 'index.html' ? '/' : `/page/${name}`, () => answer] as const];
  });
}

function answerOf(body: Buffer, type: string): AdminAnswer {
  return {
    type,
    body,
    fields: {
      // Kept, and asked for again each time: an upgrade shows at once.
      'Cache-Control': 'no-cache',
      ETag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
      'Content-Security-Policy': POLICY,
    },
  };
}
