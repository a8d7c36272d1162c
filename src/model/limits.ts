/** Resource limits, in systemd's spelling (systemd.resource-control(5)). */
import { BadValue, type Parser } from './column.ts';
import { quoted } from './printable.ts';

const UNITS = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const;
const MIN_MEMORY = 4 * UNITS.M;
const MAX_MEMORY = 2 ** 50;

function isUnit(text: string): text is keyof typeof UNITS {
  return Object.hasOwn(UNITS, text);
}

/** MemoryMax=: bytes, or a number with K, M, G or T (powers of 1024). `infinity`: null, the same as NULL. */
export const memory: Parser<string | null> = (text) => {
  if (text === 'infinity') return null;
  const [, digits = '', suffix = ''] = /^([1-9][0-9]{0,14})([KMGT]?)$/.exec(text.toUpperCase()) ?? [];
  const bytes = digits !== '' && isUnit(suffix) ? Number(digits) * UNITS[suffix] : NaN;
  if (!(bytes >= MIN_MEMORY && bytes <= MAX_MEMORY)) {
    throw new BadValue(`is ${quoted(text)}, not a size from 4M to 1024T (bytes, or a whole number with K, M, G or T) or infinity`);
  }
  return digits + suffix;
};

/** CPUQuota=: per cent of one CPU, `150%` or `150`. */
export const cpuQuota: Parser<string> = (text) => {
  const [, digits = ''] = /^([1-9][0-9]{0,5})%?$/.exec(text) ?? [];
  if (digits === '' || Number(digits) > 100_000) throw new BadValue(`is ${quoted(text)}, not per cent of one CPU from 1% to 100000%`);
  return `${digits}%`;
};
