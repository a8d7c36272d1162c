/** What a client would rather have as the answer to a problem: a page, or problem+json. Pure. */

/** How much a media type is wanted, and how closely it was named: 2 by its name, 1 as `text/*`, 0 as anything. */
interface Wish {
  readonly quality: number;
  readonly named: 0 | 1 | 2;
}

/** RFC 9110 12.5.1: the most specific range that a type falls under says how much it is wanted. */
function wishFor(accept: string, type: string): Wish {
  const ranges = [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*'];
  let wish: Wish | null = null;
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim());
    const at = ranges.indexOf(name);
    if (at < 0) continue;
    const named = at === 0 ? 2 : at === 1 ? 1 : 0;
    if (wish === null || named > wish.named) wish = { quality: qualityOf(parameters), named };
  }
  return wish ?? { quality: 0, named: 0 };
}

/** RFC 9110 12.4.2; what is no weight is taken for none. */
function qualityOf(parameters: readonly string[]): number {
  const text = parameters.find((parameter) => /^q\s*=/.test(parameter))?.replace(/^q\s*=\s*/, '');
  if (text === undefined) return 1;
  return /^(0(\.[0-9]{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}

/**
 * Whether it is a page: HTML is wanted more than JSON, or as much and named at least as closely. Who takes anything
 * (curl, fetch() without more) is a program.
 */
export function wantsPage(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const html = wishFor(accept, 'text/html');
  if (html.quality === 0) return false;
  return ['application/json', 'application/problem+json'].every((type) => {
    const json = wishFor(accept, type);
    return html.quality > json.quality || (html.quality === json.quality && html.named > 0 && html.named >= json.named);
  });
}

/** Whether HTML is wanted by that name. */
export function namesHtml(accept: string | undefined): boolean {
  const { quality, named } = wishFor(accept ?? '', 'text/html');
  return quality > 0 && named === 2;
}
