/** One thing wrong with the configuration: where, and why. */
export interface ConfigProblem {
  /** 1-based; null when no line is at fault (a missing key). */
  readonly line: number | null;
  /** `[section] key`, or the text that could not be placed; null: the file itself. */
  readonly what: string | null;
  readonly why: string;
}

/** The configuration cannot be used. The message lists every problem, one a line. */
export class ConfigError extends Error {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[], options?: ErrorOptions) {
    const lines = problems.map(({ line, what, why }) =>
      [line === null ? file : `${file}:${line}`, what, why].filter((part) => part !== null).join(': '));
    super(lines.join('\n'), options);
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}
