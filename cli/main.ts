import { cliError } from './errors.ts';
import { EXIT } from './exit.ts';
import type { Io } from './io.ts';
import { runProgram } from './program.ts';
import { reportError } from './report-error.ts';

const NODE_MAJOR_MIN = 24;

/** Longest wait for the process to end by itself once its command is done, in ms. */
const LINGER_MS_MAX = 2000;

const io: Io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  clock: Date.now,
  random: Math.random,
};
const argv = process.argv.slice(2);

// `feedferry feeds list | head`: whoever read our output has gone, so there is nobody left to talk to.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed));
}
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (thrown: unknown) => {
    void reportError(thrown, io, argv.includes('--json')).finally(() => process.exit(EXIT.failed));
  });
}

if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  const error = cliError('RUNTIME_TOO_OLD', `Feedferry needs Node ${NODE_MAJOR_MIN}; this is ${process.versions.node}`);
  process.exitCode = await reportError(error, io, argv.includes('--json'));
} else {
  process.exitCode = await runProgram(argv, io);
}
setTimeout(() => process.exit(), LINGER_MS_MAX).unref();
