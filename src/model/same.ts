/** Whether two things say the same. Pure. */

/** Lists of the same items in the same order; objects among them are the same objects. */
export function sameItems<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

/** Of objects that hold texts and numbers, or of null. */
export function sameFields<T extends object>(one: T | null, other: T | null | undefined): boolean {
  if (one === other) return true;
  if (one === null || other === null || other === undefined) return false;
  const names = Object.keys(one) as (keyof T)[];
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
