/** Numbers, times and strangers' text as a person reads them. Pure. */

const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** @param {number} value */
export function count(value) {
  return NUMBER.format(value).replaceAll(',', '\u202f');
}

/**
 * Requests per second: exact where there are few.
 * @param {number} value
 */
export function rate(value) {
  if (value === 0) return '0';
  return value < 10 ? value.toFixed(1) : count(value);
}

/**
 * A time that something took, as short as it can be said: `84 ms`, `1.2 s`, `3 min`.
 * @param {number | null} ms
 */
export function took(ms) {
  if (ms === null) return '–';
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_500) return `${(ms / 1000).toFixed(ms < 9_950 ? 1 : 0)} s`;
  return span(ms);
}

const UNITS = /** @type {const} */ ([['d', 86_400_000], ['h', 3_600_000], ['min', 60_000], ['s', 1000]]);

/**
 * A time that passes: `0 s`, `12 s`, `3 min`, `5 h`, `2 d`. Rounded down: nothing is older than it is.
 * @param {number} ms below 0 counts as 0: clocks differ
 */
export function span(ms) {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ['s', 1000];
  return `${count(Math.floor(Math.max(0, ms) / size))} ${unit}`;
}

/**
 * @param {number | null} at
 * @param {number} now
 */
export function ago(at, now) {
  return at === null ? 'never' : `${span(now - at)} ago`;
}

/** @param {number | null} bytes */
export function bytes(bytes) {
  if (bytes === null) return '–';
  const [unit, size] = /** @type {const} */ ([['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]]).find(([, size]) => bytes >= size) ?? ['B', 1];
  const value = bytes / size;
  return `${value < 10 && size > 1 ? value.toFixed(1) : count(value)} ${unit}`;
}

/**
 * The time of day where the reader is.
 * @param {number} at
 */
export function clock(at) {
  return new Date(at).toTimeString().slice(0, 8);
}

/**
 * @param {number} n
 * @param {string} one
 * @param {string} many
 */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Characters that show as nothing, or move or turn round what stands beside them. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * A stranger's text, on one line: what could hide or turn round other text is written out, as `src/model/printable.ts` does.
 * @param {string} text
 * @param {number} max characters
 */
export function shown(text, max = 300) {
  const short = text.length > max ? `${text.slice(0, max - 1)}…` : text;
  return short.replace(UNSEEN, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

const AGENTS = [
  /[\w.-]*(?:bot|crawler|spider|monitor|uptime)[\w.-]*(?:\/[\d.]+)?/i,
  /Edg\/\d+/, /OPR\/\d+/, /Firefox\/\d+/, /Chrome\/\d+/, /Version\/\d+(?=.*Safari)/,
];

/**
 * What a user agent calls itself, short enough for a line: `Firefox 128`, `Googlebot 2.1`, `curl 8.5.0`.
 * @param {string} userAgent
 */
export function agent(userAgent) {
  if (userAgent.trim() === '') return 'no user agent';
  const found = AGENTS.map((pattern) => pattern.exec(userAgent)?.[0]).find((name) => name !== undefined) ?? userAgent.trim().split(/\s/)[0] ?? '';
  return shown(found.replace(/^Version/, 'Safari').replace(/^Edg\b/, 'Edge').replace(/^OPR\b/, 'Opera').replace('/', ' '), 40);
}

/**
 * @param {import('../state.ts').RequestSketch} request
 * @returns {string} `GET shop.example/cart`
 */
export function requestLine({ method, host, path }) {
  return `${shown(method, 20)} ${shown(host, 100)}${shown(path, 200)}`;
}
