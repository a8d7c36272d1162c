/** The frame of the pages that fc-proxy itself shows to people: small, plain, and readable without its style. Pure. */
import { createHash } from 'node:crypto';

/** A page and the fields that go with it, names and values in turn. */
export interface Page {
  readonly html: string;
  readonly fields: readonly string[];
}

const STYLE = `
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.4rem; line-height: 1.2 }
small { opacity: .75 }
`;

/** For text and for values of attributes. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** As a Content-Security-Policy names what it allows (CSP3 2.3.1). */
export function cspHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** What a page may do besides showing its style: nothing. */
const POLICY = `default-src 'none'; style-src ${cspHash(STYLE)}; base-uri 'none'; form-action 'none'`;

/**
 * @param title text, of the window and as the heading
 * @param content HTML
 * @param head more HTML for the head; `policy`: what of it the browser is to allow
 */
export function page(title: string, content: string, head = '', policy = ''): Page {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<style>${STYLE}</style>
${head}</head>
<body>
<main>
<h1>${escape(title)}</h1>
${content}</main>
</body>
</html>
`;
  return {
    html,
    fields: [
      'Content-Type', 'text/html; charset=utf-8',
      'Content-Security-Policy', policy === '' ? POLICY : `${POLICY}; ${policy}`,
    ],
  };
}
