/** docs/performance/*.json → PartResult, or an error that says where it is none: plots and ratios of NaN are never shown. */
import { PARTS, type PartResult } from './result.ts';

type Check = (value: unknown, at: string) => void;

/** @throws TypeError naming the place: `cold.targets[2].measured is no finite number` */
export function parseResult(json: unknown): PartResult {
  isResult(json, 'result');
  return json as PartResult;
}

const fail = (at: string, what: string): never => { throw new TypeError(`${at} is ${what}`); };
const isText: Check = (value, at) => { if (typeof value !== 'string') fail(at, 'no text'); };
const isNumber: Check = (value, at) => { if (typeof value !== 'number' || !Number.isFinite(value)) fail(at, 'no finite number'); };
const isFlag: Check = (value, at) => { if (typeof value !== 'boolean') fail(at, 'neither true nor false'); };
const oneOf = (...allowed: readonly string[]): Check => (value, at) => { if (!allowed.includes(String(value))) fail(at, `none of ${allowed.join(', ')}`); };
const either = (...checks: readonly Check[]): Check => (value, at) => {
  const errors = checks.map((check) => { try { check(value, at); return null; } catch (error) { return error; } });
  if (!errors.includes(null)) throw errors[0];
};
const isNull: Check = (value, at) => { if (value !== null) fail(at, 'not null'); };
const optional = (check: Check): Check => (value, at) => { if (value !== undefined) check(value, at); };
const list = (check: Check, least = 0): Check => (value, at) => {
  if (!Array.isArray(value) || value.length < least) fail(at, `no list of ${least} or more`);
  (value as unknown[]).forEach((item, index) => { check(item, `${at}[${index}]`); });
};
const record = (fields: Readonly<Record<string, Check>>): Check => (value, at) => {
  if (typeof value !== 'object' || value === null) return fail(at, 'no object');
  const surplus = Object.keys(value).filter((key) => !Object.hasOwn(fields, key));
  if (surplus.length > 0) fail(`${at}.${surplus.join(', ')}`, 'not known');
  for (const [key, check] of Object.entries(fields)) check((value as Record<string, unknown>)[key], `${at}.${key}`);
};
/** Of as many values as there are names. */
const asMany = (check: Check, of: (value: never) => readonly (readonly [string, readonly unknown[] | undefined])[], count: (value: never) => number): Check => (value, at) => {
  check(value, at);
  for (const [name, values] of of(value as never)) {
    if (values !== undefined && values.length !== count(value as never)) fail(`${at}.${name}`, `a list of ${values.length}, not ${count(value as never)}`);
  }
};

const isBound = either(isNull, record({ atMost: isNumber }), record({ atLeast: isNumber }));
const head = { name: (value: unknown, at: string): void => { if (!/^[a-z0-9-]+$/.test(String(value))) fail(at, 'no name of a file'); }, title: isText };
const isAxis = record({ label: isText, unit: isText, log: optional(isFlag) });

const isBars = asMany(
  record({ ...head, kind: oneOf('bars'), unit: isText, groups: list(isText, 1), whisker: optional(isText), series: list(record({ name: isText, values: list(isNumber), whiskers: optional(list(isNumber)) }), 1) }),
  ({ series }: { series: { name: string; values: unknown[]; whiskers?: unknown[] }[] }) => series.flatMap(({ name, values, whiskers }) => [[name, values], [`${name} (whiskers)`, whiskers]] as const),
  ({ groups }: { groups: unknown[] }) => groups.length,
);
const isStacked = asMany(
  record({ ...head, kind: oneOf('stacked'), unit: isText, bars: list(isText, 1), pieces: list(record({ name: isText, values: list(isNumber) }), 1) }),
  ({ pieces }: { pieces: { name: string; values: unknown[] }[] }) => pieces.map(({ name, values }) => [name, values] as const),
  ({ bars }: { bars: unknown[] }) => bars.length,
);
const isLines = record({ ...head, kind: oneOf('lines'), x: isAxis, y: isAxis, series: list(record({ name: isText, points: list(list(isNumber, 2), 1) }), 1) });
const isPlot: Check = (value, at) => {
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  oneOf('bars', 'stacked', 'lines')(kind, `${at}.kind`);
  (kind === 'bars' ? isBars : kind === 'stacked' ? isStacked : isLines)(value, at);
};
const isTable = asMany(
  record({ title: isText, columns: list(isText, 1), rows: list(list(either(isNumber, isText), 1), 1) }),
  ({ rows }: { rows: unknown[][] }) => rows.map((row, index) => [`rows[${index}]`, row] as const),
  ({ columns }: { columns: unknown[] }) => columns.length,
);

const isResult = record({
  part: oneOf(...PARTS),
  taken: isText,
  machine: list(list(isText, 2), 1),
  title: isText,
  about: list(isText, 1),
  targets: list(record({ what: isText, measure: isText, measured: isNumber, unit: isText, reach: isBound, stretch: isBound }), 1),
  plots: list(isPlot),
  tables: list(isTable),
  findings: list(isText),
});
