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
function hash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

export interface FrameOptions {
  /** More CSS. */
  readonly style?: string;
  /** Runs once the page is there. */
  readonly script?: string;
  /** Without JavaScript, the page is loaded anew after so many seconds. */
  readonly refreshS?: number;
  /** What else the browser is to allow it (Content-Security-Policy). */
  readonly policy?: string;
}

/** @returns what makes a page of a title, text, which is its heading too, and of content, HTML */
export function pageFrame({ style = '', script, refreshS, policy }: FrameOptions = {}): (title: string, content: string) => Page {
  const css = STYLE + style.trimStart();
  const fields = [
    'Content-Type', 'text/html; charset=utf-8',
    // It may do nothing that it need not do.
    'Content-Security-Policy', [
      "default-src 'none'", `style-src ${hash(css)}`, "base-uri 'none'", "form-action 'none'",
      ...(script === undefined ? [] : [`script-src ${hash(script)}`]), ...(policy === undefined ? [] : [policy]),
    ].join('; '),
  ];
  return (title, content) => ({
    fields,
    html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<style>${css}</style>
${refreshS === undefined ? '' : `<noscript><meta http-equiv="refresh" content="${refreshS}"></noscript>\n`}</head>
<body>
<main>
<h1>${escape(title)}</h1>
${content}</main>
${script === undefined ? '' : `<script>${script}</script>\n`}</body>
</html>
`,
  });
}
