/** Header fields as flat lists of names and values in turn, as node has them. Pure. */

/** A function of a field's name, remembered by spelling, so that a warm request lower-cases nothing. */
export function remembered<T extends string>(of: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    let found = known.get(name);
    if (found === undefined) {
      found = of(name);
      // Names come from outside: the memory of them must end somewhere. A copy, as a name that was cut from a head
      // (below) would keep all of it.
      if (known.size < 1024) known.set(Buffer.from(name, 'latin1').toString('latin1'), found);
    }
    return found;
  };
}

/** Names that Connection lists beyond the ones every hop knows. Null: none, the usual case. */
export function listed(connection: string): Set<string> | null {
  const lower = connection.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close' || lower === 'upgrade') return null;
  const names = lower.split(',').map((name) => name.trim()).filter((name) => name !== '' && name !== 'close' && name !== 'keep-alive');
  return names.length === 0 ? null : new Set(names);
}

/** The fields that have none of these names. */
export function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name = '', value = ''] = [headers[i], headers[i + 1]];
    if (!names.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

/** A field by its lower-case name; the first one. */
export function field(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i]?.length === name.length && fields[i]?.toLowerCase() === name) return fields[i + 1];
  }
  return undefined;
}
