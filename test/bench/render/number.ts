/** Numbers as the page and the plots write them. */

/** Three digits that count, none lost before the point: 0.0123, 4.57, 113, 12 345. */
export function format(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const rounded = Number(value.toFixed(Math.min(digits, 6)));
  const [whole = '', rest] = String(rounded).split('.');
  return groupThousands(whole) + (rest === undefined ? '' : `.${rest}`);
}

/** With its unit; a ratio has none. */
export function withUnit(value: number, unit: string): string {
  return unit === '' ? format(value) : `${format(value)} ${unit}`;
}

/** Above 9999, by spaces that no line is broken at. */
function groupThousands(whole: string): string {
  return whole.replace('-', '').length < 5 ? whole : whole.replace(/\B(?=(\d{3})+$)/g, '\u00a0');
}
