/** What an answer is made of. */
export interface Sentence {
  readonly text: string;
  /** Lines that show it: what systemd, the journal or a file says. As they were found: whoever prints them escapes them. */
  readonly evidence: readonly string[];
}

export interface Section {
  /** A question. */
  readonly title: string;
  /** Something is not as it should be. */
  readonly wrong: boolean;
  readonly sentences: readonly Sentence[];
}

export interface Answer {
  readonly headline: string;
  readonly sections: readonly Section[];
}

export function say(text: string, ...evidence: readonly (string | null | undefined | false)[]): Sentence {
  return { text, evidence: evidence.filter((line): line is string => typeof line === 'string' && line !== '') };
}
