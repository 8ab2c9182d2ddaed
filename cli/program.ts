import { Command, CommanderError } from 'commander';
import { backupCommand } from './backup.ts';
import { backupVerifyCommand } from './backup-verify.ts';
import { addCommand, type Session } from './command.ts';
import { crawlCommand } from './crawl.ts';
import { crawlersPauseCommand } from './crawlers-pause.ts';
import { crawlersResumeCommand } from './crawlers-resume.ts';
import { crawlersStatusCommand } from './crawlers-status.ts';
import { demoteCommand } from './demote.ts';
import { doctorCommand } from './doctor.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { feedsAddCommand } from './feeds-add.ts';
import { feedsExportCommand } from './feeds-export.ts';
import { feedsImportCommand } from './feeds-import.ts';
import { feedsListCommand } from './feeds-list.ts';
import { feedsRemoveCommand } from './feeds-remove.ts';
import { feedsSetCommand } from './feeds-set.ts';
import { feedsShowCommand } from './feeds-show.ts';
import type { Io } from './io.ts';
import { parseCommand } from './parse.ts';
import { promoteCommand } from './promote.ts';
import { receiveCommand } from './receive.ts';
import { replicateCommand } from './replicate.ts';
import { replicateAddCommand } from './replicate-add.ts';
import { replicateConflictsCommand } from './replicate-conflicts.ts';
import { replicateRemoveCommand } from './replicate-remove.ts';
import { replicateStatusCommand } from './replicate-status.ts';
import {
  replicatePauseCommand,
  replicateReseedCommand,
  replicateResumeCommand,
  replicateSetCommand,
} from './replicate-wishes.ts';
import { reportError } from './report-error.ts';
import { restoreCommand } from './restore.ts';
import { serveCommand } from './serve.ts';
import { verifyCommand } from './verify.ts';
import { VERSION } from './version.ts';

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong use, 3 the check found differences.
FEEDFERRY_DEBUG=1 adds stack traces to errors.
`;

/** Runs one command line (without `node` and the script) to its end. Never throws. */
export async function runProgram(argv: readonly string[], io: Io): Promise<ExitCode> {
  const session: Session = { io, exitCode: EXIT.done };
  const program = buildProgram(session);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return session.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.done;
    // Help in place of a missing command: it has been printed already.
    if (thrown instanceof CommanderError && thrown.code === 'commander.help') return EXIT.wrongUse;
    const help = `Run \`${[...commandPath(program, argv), '--help'].join(' ')}\` to see what it takes.`;
    const error = thrown instanceof CommanderError ? usageError(thrown, help) : thrown;
    return reportError(error, io, argv.includes('--json'));
  }
}

/** The names of the commands that a command line goes through, as far as they are known. */
function commandPath(program: Command, argv: readonly string[]): string[] {
  const path = [program.name()];
  let at: Command | undefined = program;
  for (const word of argv) {
    at = at?.commands.find((command) => command.name() === word);
    if (at === undefined) break;
    path.push(word);
  }
  return path;
}

/** Commander's `error: unknown option '--stor'\n(Did you mean --store?)` on one line. */
function usageError(thrown: CommanderError, advice: string): Error {
  const message = thrown.message
    .replace(/^error: /, '')
    .replace(/\n\(?/, ' (')
    .trim();
  return cliError('USAGE_INVALID', message, { advice, cause: thrown });
}

export function buildProgram(session: Session): Command {
  const program = new Command('feedferry')
    .description('Crawls feeds, keeps their articles and serves them to readers.')
    .version(VERSION, '-V, --version', 'print the version')
    .exitOverride()
    // So that `replicate add --to` is the flag of `add`.
    .enablePositionalOptions()
    .configureOutput({ outputError: () => undefined })
    .addHelpText(
      'after',
      `\nExamples:\n  feedferry serve              # read at http://localhost:8080\n  feedferry crawl --help       # all about one command\n${EXIT_CODES}`,
    );
  addCommand(program, serveCommand, session);
  addCommand(program, crawlCommand, session);
  const feeds = program
    .command('feeds')
    .description('add, list, show, set, remove, import and export feeds')
    .addHelpText('after', '\nExample:\n  feedferry feeds add https://example.org/\n');
  for (const spec of [
    feedsAddCommand,
    feedsListCommand,
    feedsShowCommand,
    feedsSetCommand,
    feedsRemoveCommand,
    feedsImportCommand,
    feedsExportCommand,
  ]) {
    addCommand(feeds, spec, session);
  }
  const crawlers = program
    .command('crawlers')
    .description('pause and resume all crawlers of the site, and show what they do')
    .addHelpText('after', '\nExample:\n  feedferry crawlers pause --wait\n');
  for (const spec of [crawlersPauseCommand, crawlersResumeCommand, crawlersStatusCommand]) {
    addCommand(crawlers, spec, session);
  }
  addReplicate(program, session);
  addCommand(program, receiveCommand, session);
  addCommand(program, verifyCommand, session);
  addCommand(program, promoteCommand, session);
  addCommand(program, demoteCommand, session);
  const backup = addCommand(program, backupCommand, session).enablePositionalOptions();
  addCommand(backup, backupVerifyCommand, session);
  addCommand(program, restoreCommand, session);
  addCommand(program, parseCommand, session);
  addCommand(program, doctorCommand, session);
  return program;
}

/** A group that also does something by itself: flags behind the name of a subcommand are the subcommand's. */
function addReplicate(program: Command, session: Session): void {
  const replicate = addCommand(program, replicateCommand, session).enablePositionalOptions();
  for (const spec of [
    replicateAddCommand,
    replicateRemoveCommand,
    replicateStatusCommand,
    replicatePauseCommand,
    replicateResumeCommand,
    replicateSetCommand,
    replicateReseedCommand,
    replicateConflictsCommand,
  ]) {
    addCommand(replicate, spec, session);
  }
}
