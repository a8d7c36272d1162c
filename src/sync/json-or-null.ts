/** What a file of fc-sync's own holds; null for one that is not there or is damaged: it is written anew. */
export function jsonOrNull(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
