/** For the person who waits; figures go to standard output. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Ends a bench whose result cannot be trusted. */
export class BenchFailure extends Error {
  override readonly name = 'BenchFailure';
}

/** Runs a bench's main function; a failure is told and makes the process exit with 1. */
export async function runBench(main: () => Promise<unknown>): Promise<void> {
  try {
    process.stdout.write(`${JSON.stringify(await main(), null, 2)}\n`);
  } catch (error) {
    say(
      error instanceof BenchFailure ? `FAILED: ${error.message}` : String(error instanceof Error ? error.stack : error),
    );
    process.exitCode = 1;
  }
}
