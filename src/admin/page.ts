/** The page for a browser: the files of page/, as they are, and what the browser is to hold against strangers' text in them. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';

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

export interface PageFile {
  readonly body: Buffer;
  /** In quotes. */
  readonly etag: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The files by the path at which they are served: `/`, `/page/page.js` … */
export function readPage(folder = new URL('page/', import.meta.url)): ReadonlyMap<string, PageFile> {
  const files = readdirSync(folder).flatMap((name): [string, PageFile][] => {
    const type = TYPES[extname(name)];
    return type === undefined ? [] : [[name === 'index.html' ? '/' : `/page/${name}`, pageFile(readFileSync(new URL(name, folder)), type)]];
  });
  return new Map(files);
}

function pageFile(body: Buffer, type: string): PageFile {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return {
    body,
    etag,
    fields: {
      'Content-Type': type,
      // Kept, and asked for again each time: an upgrade shows at once.
      'Cache-Control': 'no-cache',
      ETag: etag,
      'Content-Security-Policy': POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
    },
  };
}

/**
 * Whether the client holds the file already: RFC 9110 13.1.2, weak comparison.
 * @param field If-None-Match as it was sent
 */
export function isHeld({ etag }: PageFile, field: string | undefined): boolean {
  return (field ?? '').split(',').map((tag) => tag.trim()).some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag);
}
