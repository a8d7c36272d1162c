/** What the admin listener cannot answer, as problem+json (RFC 9457). */
import { STATUS_CODES } from 'node:http';
import type { AdminAnswer } from './server.ts';

export class AdminProblem extends Error {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;

  /** @param message what is told: a sentence */
  constructor(status: number, message: string, fields: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.fields = fields;
  }

  get answer(): AdminAnswer {
    const { status, message, fields } = this;
    return { status, fields, type: 'application/problem+json', body: `${JSON.stringify({ title: STATUS_CODES[status] ?? '', status, detail: message })}\n` };
  }
}
