/**
 * V8's flags for a process that works for long: npm's scripts give them to `node`, an installed `feedferry` gives them to
 * itself. docs/operating.md tells what each is for.
 */
export const HEAP_FLAGS: readonly string[] = [
  '--max-semi-space-size=8',
  '--heap-growing-percent=50',
  '--no-parallel-scavenge',
];

/** The others are over before their heap has grown. */
const LONG_COMMANDS: ReadonlySet<string> = new Set(['serve', 'crawl']);

/** What is looked at of `process`. */
export interface Runtime {
  readonly argv: readonly string[];
  readonly execArgv: readonly string[];
  readonly execPath: string;
  readonly env: NodeJS.ProcessEnv;
  /** There where somebody waits for messages of this very process. */
  readonly channel?: unknown;
  /** Missing in older Nodes; throws on Windows. */
  readonly execve?: (file: string, args: readonly string[], env: NodeJS.ProcessEnv) => void;
}

/**
 * Starts the program once more in this very process, with the flags that it lacks: the size of the young heap can't be
 * changed once there is one. It costs 40 ms. What somebody has set, on the command line or in NODE_OPTIONS, stays. Where a
 * process can't be replaced, it runs on as it is. To be called before anything is open.
 */
export function takeHeapFlags(runtime: Runtime): void {
  const { argv, execArgv, execPath, env, channel, execve } = runtime;
  // A replaced process reports no coverage.
  if (!LONG_COMMANDS.has(argv[2] ?? '') || execve === undefined || channel !== undefined || env.NODE_V8_COVERAGE)
    return;
  const given = new Set([...execArgv, ...(env.NODE_OPTIONS ?? '').split(/\s+/)].map(nameOf));
  const lacking = HEAP_FLAGS.filter((flag) => !given.has(nameOf(flag)));
  if (lacking.length === 0) return;
  try {
    execve.call(runtime, execPath, [execPath, ...execArgv, ...lacking, ...argv.slice(1)], env);
  } catch {
    // It is about memory only.
  }
}

/** `--no-a_b=1` is about the same as `--a-b`. */
function nameOf(flag: string): string {
  return flag
    .replaceAll('_', '-')
    .replace(/^--(?:no-)?/, '')
    .replace(/=.*$/, '');
}
