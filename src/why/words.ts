/** Times, durations and counts as people say them. Pure. */

const UNITS = [
  ['day', 86_400_000, 36 * 3_600_000],
  ['hour', 3_600_000, 90 * 60_000],
  ['minute', 60_000, 90_000],
] as const;

/** `3 minutes`, `12 seconds`, `126 ms`. */
export function duration(ms: number): string {
  const length = Math.max(0, ms);
  for (const [unit, size, from] of UNITS) if (length >= from) return counted(Math.round(length / size), unit);
  if (length >= 1950) return counted(Math.round(length / 1000), 'second');
  return length >= 995 ? `${(length / 1000).toFixed(1)} seconds` : `${Math.round(length)} ms`;
}

/** `3 minutes ago (14:02:11)`. */
export function ago(at: number, now: number): string {
  return now - at < 1500 ? `just now (${clock(at, now)})` : `${duration(now - at)} ago (${clock(at, now)})`;
}

/** `for 3 minutes (since 14:02:11)`. */
export function lasting(since: number, now: number): string {
  return now - since < 1500 ? `since just now (${clock(since, now)})` : `for ${duration(now - since)} (since ${clock(since, now)})`;
}

/** `in 4 minutes (14:09:11)`. */
export function ahead(at: number, now: number): string {
  return at - now < 1000 ? `any moment (${clock(at, now)})` : `in ${duration(at - now)} (${clock(at, now)})`;
}

/** Local time: of the same day `14:02:11`, else `Mon 23 Nov 14:02`, and with the year where it is another. */
export function clock(at: number, now: number): string {
  const [then, today] = [new Date(at), new Date(now)];
  const two = (part: number): string => String(part).padStart(2, '0');
  const time = `${two(then.getHours())}:${two(then.getMinutes())}`;
  if (then.toDateString() === today.toDateString()) return `${time}:${two(then.getSeconds())}`;
  const [weekday, month, day] = then.toDateString().split(' ');
  return `${weekday} ${Number(day)} ${month}${then.getFullYear() === today.getFullYear() ? '' : ` ${then.getFullYear()}`} ${time}`;
}

/** `1 request`, `2 requests`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `a`, `a and b`, `a, b and c`; of many, the first few and how many more. */
export function listed(items: readonly string[], most = 6): string {
  const shown = items.length > most ? [...items.slice(0, most), `${items.length - most} more`] : items;
  return shown.length <= 1 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}
