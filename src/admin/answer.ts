/** Answers of an fc-admin, read whole. */
import type { IncomingMessage } from 'node:http';

/** @param taken told how many bytes came; what it throws ends it */
export async function answerText(res: IncomingMessage, taken: (bytes: number) => void): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of res as AsyncIterable<Buffer>) {
    taken(chunk.length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What the body of a refusal tells: problem+json's detail (RFC 9457), or else the text itself. */
export function detailOf(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'detail' in value && typeof value.detail === 'string') return value.detail;
  } catch {
    // Not JSON: a line of text.
  }
  return text.slice(0, 200).trim();
}
