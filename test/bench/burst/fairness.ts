/** Who was served before whom. */

/**
 * For each of those who asked, in the order in which they did, by how many who asked after it it was overtaken.
 * @param doneAt when each was served
 */
export function overtaken(doneAt: readonly number[]): number[] {
  return doneAt.map((own, index) => doneAt.slice(index + 1).filter((later) => later < own).length);
}
