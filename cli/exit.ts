/** How a command ended, for scripts. `docs/cli.md` documents these for every command. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Unknown command or flag, missing argument, invalid setting. */
  wrongUse: 2,
  /** A check ran to its end and found something: `doctor`. */
  differences: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
