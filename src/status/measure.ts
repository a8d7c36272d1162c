/** Times, amounts and rates, in at most six columns and without spaces. Pure. */

const S = 1000;
const [MIN, H, D] = [60 * S, 3600 * S, 86_400 * S];

/** `12s`, `3min`, `5h`, `8d`. */
export function age(ms: number): string {
  const past = Math.max(0, ms);
  if (past < 100 * S) return `${Math.floor(past / S)}s`;
  if (past < 100 * MIN) return `${Math.floor(past / MIN)}min`;
  if (past < 48 * H) return `${Math.floor(past / H)}h`;
  return `${Math.floor(past / D)}d`;
}

/** `180ms`, `1.24s`, `12.4s`, `124s`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  const s = ms / S;
  return `${s.toFixed(s < 9.995 ? 2 : s < 99.95 ? 1 : 0)}s`;
}

const BYTES = ['B', 'K', 'M', 'G', 'T'] as const;

/** Powers of 1024, as systemctl writes them: `512B`, `34.1M`, `1.2G`. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1023.95 && unit < BYTES.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)}${BYTES[unit]}`;
}

/** `0`, `0.3`, `12.4`, `340`, `1.2k`. */
export function rate(perS: number): string {
  if (perS === 0) return '0';
  if (perS < 0.05) return '<0.1';
  if (perS < 99.95) return perS.toFixed(1);
  return perS < 9999.5 ? String(Math.round(perS)) : `${(perS / 1000).toFixed(perS < 99_950 ? 1 : 0)}k`;
}
