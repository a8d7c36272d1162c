/** The table as prom-client serves it: Prometheus' text format, or OpenMetrics. */
import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import type { AdminAnswer } from '../server.ts';
import type { Distribution, Figures } from './figures.ts';
import { METRICS, type MetricSpec, type Reading } from './table.ts';

export class Metrics {
  readonly #figures: () => Figures;
  readonly #text = new Registry();
  readonly #open = new Registry<OpenMetricsContentType>();
  /** Of the answer under way. */
  #now: Figures | null = null;

  /** @param figures what there is now */
  constructor(figures: () => Figures) {
    this.#figures = figures;
    this.#open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    for (const registry of [this.#text, this.#open]) {
      for (const spec of METRICS) register(registry, spec, () => spec.read(this.#now ?? figures()));
    }
  }

  /** @param accept the request's field Accept */
  async answer(accept: string): Promise<AdminAnswer & { readonly body: string }> {
    const registry = wantsOpenMetrics(accept) ? this.#open : this.#text;
    // All metrics are read before the first wait, so they are of one moment.
    this.#now = this.#figures();
    return { type: registry.contentType, body: await registry.metrics() };
  }
}

/** Prometheus says which formats it takes, and takes OpenMetrics; a person's curl does not. */
export function wantsOpenMetrics(accept: string): boolean {
  return accept.split(',').some((range) => /^\s*application\/openmetrics-text\s*(;|$)/i.test(range) && !/;\s*q=0(\.0*)?\s*(;|$)/i.test(range));
}

interface Line {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly metricName?: string;
}

type Read = () => Iterable<Reading>;
type AnyRegistry = Registry | Registry<OpenMetricsContentType>;

function register(registry: AnyRegistry, spec: MetricSpec, read: Read): void {
  switch (spec.type) {
    case 'counter': return void new ReadCounter(registry, spec, read);
    case 'gauge': return void new ReadGauge(registry, spec, read);
    case 'histogram': return void new ReadHistogram(registry, spec, read);
  }
}

function configuration(registry: AnyRegistry, { name, help, labels }: MetricSpec): { name: string; help: string; labelNames: string[]; registers: AnyRegistry[] } {
  return { name, help, labelNames: Object.keys(labels), registers: [registry] };
}

// prom-client counts by itself. These say what is counted already, which it would need a hash for each value to be told.

class ReadCounter extends Counter {
  readonly #read: Read;

  constructor(registry: AnyRegistry, spec: MetricSpec, read: Read) {
    super(configuration(registry, spec));
    this.#read = read;
  }

  override async get(): ReturnType<Counter['get']> {
    const values = numbers(this.#read());
    return { ...await super.get(), values };
  }
}

class ReadGauge extends Gauge {
  readonly #read: Read;

  constructor(registry: AnyRegistry, spec: MetricSpec, read: Read) {
    super(configuration(registry, spec));
    this.#read = read;
  }

  override async get(): ReturnType<Gauge['get']> {
    const values = numbers(this.#read());
    return { ...await super.get(), values };
  }
}

class ReadHistogram extends Histogram {
  readonly #read: Read;
  readonly #name: string;
  /** Says what a histogram is besides its values. */
  readonly #empty: Histogram;

  constructor(registry: AnyRegistry, spec: MetricSpec, read: Read) {
    super(configuration(registry, spec));
    this.#read = read;
    this.#name = spec.name;
    this.#empty = new Histogram({ ...configuration(registry, spec), registers: [] });
  }

  override async get(): ReturnType<Histogram['get']> {
    const values = [...this.#read()].flatMap(([labels, value]) => (typeof value === 'number' ? [] : buckets(this.#name, labels, value)));
    return { ...await this.#empty.get(), values };
  }

  /** Of a histogram, the registry asks for this. */
  async getForPromString(): ReturnType<Histogram['get']> {
    return await this.get();
  }
}

function numbers(readings: Iterable<Reading>): Line[] {
  return [...readings].flatMap(([labels, value]) => (typeof value === 'number' ? [{ labels, value }] : []));
}

function buckets(name: string, labels: Line['labels'], { bounds, counts, sumS }: Distribution): Line[] {
  let below = 0;
  const lines: Line[] = counts.map((count, at) => {
    below += count;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: at < bounds.length ? String(bounds[at]) : '+Inf' }, value: below };
  });
  return [...lines, { metricName: `${name}_sum`, labels, value: sumS }, { metricName: `${name}_count`, labels, value: below }];
}
