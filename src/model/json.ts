/** JSON columns. Error texts never repeat the value: `env` is secret. */
import { BadValue } from './column.ts';

// A JSON column can hold 1 GiB; nothing that is taken here needs more than this, every character escaped.
const LENGTH = 2 ** 20;

/** @throws BadValue, without the engine's message, which would quote the text. */
export function parseJson(text: string): unknown {
  if (text.length > LENGTH) throw new BadValue(`has ${text.length} characters of JSON, and ${LENGTH} are allowed`);
  try {
    return JSON.parse(text);
  } catch {
    throw new BadValue('is not valid JSON');
  }
}

/**
 * As `parseJson`, with every number and boolean as the text it was written as (`8.10` stays `8.10`, a
 * long id keeps its digits).
 */
export function parseJsonScalarsAsText(text: string): unknown {
  parseJson(text);
  // Valid JSON: outside of strings, numbers and words stand where this finds them and nowhere else.
  return parseJson(text.replace(/"(?:[^"\\]+|\\.)*"|-?[0-9][0-9.eE+-]*|true|false/g, (token) => (token.startsWith('"') ? token : `"${token}"`)));
}

/** @throws BadValue unless it is a JSON array of strings. */
export function parseStrings(text: string): readonly string[] {
  const value = parseJson(text);
  if (!Array.isArray(value)) throw new BadValue('is not a JSON array of strings');
  return value.map((item: unknown, index) => {
    if (typeof item !== 'string') throw new BadValue(`has an element ${index + 1} that is not a string`);
    return item;
  });
}
