/** JSON that others have written → what it is to be, with messages that say where in it something is wrong. Pure. */

/** A value and the way to it: `apps[3].here.port`. */
export class At {
  readonly value: unknown;
  readonly path: string;
  readonly #error: (message: string) => Error;

  /** @param error makes what is thrown: of `<path> <why>`, or `the file <why>` for the whole */
  constructor(value: unknown, path: string, error: (message: string) => Error) {
    this.value = value;
    this.path = path;
    this.#error = error;
  }

  fail(why: string): never {
    throw this.#error(`${this.path === '' ? 'the file' : this.path} ${why}`);
  }

  member(key: string): At {
    const { value } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail('is not an object');
    const path = this.path === '' ? key : `${this.path}.${key}`;
    const found: unknown = Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
    return new At(found, path, this.#error);
  }

  list<T>(item: (at: At, index: number) => T): readonly T[] {
    const { value } = this;
    if (!Array.isArray(value)) return this.fail('is not a list');
    return value.map((element: unknown, index) => item(new At(element, `${this.path}[${index}]`, this.#error), index));
  }

  /** An object whose keys are data. */
  entries<T>(item: (at: At, key: string) => T): readonly (readonly [string, T])[] {
    const { value } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.fail('is not an object');
    return Object.entries(value).map(([key, element]: [string, unknown]) => [key, item(new At(element, `${this.path}[${JSON.stringify(key.slice(0, 80))}]`, this.#error), key)]);
  }

  text(pattern: RegExp = /^/): string {
    const { value } = this;
    if (typeof value !== 'string') return this.fail('is not a text');
    return pattern.test(value) ? value : this.fail(`is not valid: ${JSON.stringify(value.slice(0, 80))}`);
  }

  oneOf<const W extends string>(words: readonly W[]): W {
    return words.find((word) => word === this.value) ?? this.fail(`is none of ${words.join(', ')}`);
  }

  whole(min: number, max: number): number {
    if (!Number.isInteger(this.value)) this.fail('is not a whole number');
    return this.amount(min, max);
  }

  amount(min = 0, max = Number.MAX_VALUE): number {
    const { value } = this;
    if (typeof value !== 'number' || !Number.isFinite(value)) return this.fail('is not a number');
    return value >= min && value <= max ? value : this.fail(`is ${value}, not from ${min} to ${max}`);
  }

  flag(): boolean {
    const { value } = this;
    return typeof value === 'boolean' ? value : this.fail('is not true or false');
  }

  /** For a key that files of an older version do not have. */
  orAbsent<T>(absent: T, parse: (at: At) => T): T {
    return this.value === undefined ? absent : parse(this);
  }

  orNull<T>(parse: (at: At) => T): T | null {
    return this.value === null ? null : parse(this);
  }
}
