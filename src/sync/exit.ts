/** Exit codes of fc-sync. */
export const EXIT = {
  /** Everything was applied, or there was nothing to do. */
  done: 0,
  /** Something was rejected or failed; the rest was applied. */
  partly: 1,
  /** Usage or configuration; nothing was done. */
  usage: 2,
  /** The CMDB cannot be used; nothing was changed. */
  unreachable: 3,
} as const;
