import { hostname } from 'node:os';
import { letOthersGoFirst } from '../replicator/foreground.ts';
import { realRuntime } from '../replicator/runtime.ts';
import type { DestinationStatus } from '../replicator/status.ts';
import { openStore } from '../store/open.ts';
import type { CommandSpec, Invocation } from './command.ts';
import { cliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { write } from './io.ts';
import { migrationText } from './opened-store.ts';
import { progressLine } from './progress.ts';
import { DESTINATION_FLAGS, destinationFrom } from './replicate-options.ts';
import { progressText } from './replicate-text.ts';
import { reportError } from './report-error.ts';
import { storeUrl } from './setting-kinds.ts';
import { stopSignals } from './stop-signals.ts';
import { targetAccess } from './target-access.ts';
import { counted, bytes as sized, span } from './text.ts';

/** Between two lines of `--json`, in ms. */
const JSON_MS = 1000;

export const replicateCommand: CommandSpec = {
  usage: 'replicate',
  about: 'copy the databases of one store to another, and keep them alike until stopped; with --once up to now',
  options: [
    ['--from <URL>', 'the store to copy from (default: the setting `store`)'],
    ['--to <URL>', 'sqlite:PATH, mongodb://... or https://... of `feedferry receive`'],
    ['--once', 'end when everything is there that was there when it started'],
    ...DESTINATION_FLAGS,
  ],
  json: 'a status a second, one line each, and at the end {ended: true, ...}',
  settings: ['store'],
  examples: [
    'feedferry replicate --to sqlite:/backup/feedferry.db --once',
    'feedferry replicate --from sqlite:./a.db --to mongodb://db1/feedferry',
    'feedferry replicate --to https://oslo.example.org --token-file oslo.token',
    'feedferry replicate status      # what all destinations of the store do',
  ],
  async run(invocation) {
    const { options, io } = invocation;
    if (typeof options.to !== 'string') throw cliError('USAGE_INVALID', '--to is missing: where shall documents go?');
    const from = sourceUrl(invocation);
    const config = destinationFrom(options.to, options);
    const access = await targetAccess(config, io.cwd);
    const [{ DEFAULT_LIMITS }, { openTarget }, { superviseDestination }] = await Promise.all([
      import('../replicator/sending/limits.ts'),
      import('../replicator/open-target.ts'),
      import('../replicator/supervisor.ts'),
    ]);
    letOthersGoFirst();
    using stop = stopSignals();
    await using store = await openStore(from, {
      clock: io.clock,
      mustExist: true,
      onMigration: (event) => void write(io.stderr, `${migrationText(event)}\n`),
    });
    using shown = new StatusOutput(invocation);
    const once = options.once === true;
    const destination = superviseDestination({
      ...{ config, source: store, runtime: realRuntime, adopt: config.adopt, once },
      process: { pid: process.pid, host: hostname() },
      limits: { ...DEFAULT_LIMITS, ...config.limits },
      open: () => openTarget(config.to, { ...access, runtime: realRuntime }),
      onStatus: (status) => shown.show(status),
    });
    void stop.stopped.then(() => destination.stop());
    await destination.ended.finally(() => shown[Symbol.dispose]());
    return await conclude(invocation, destination.status(), stop.signal.aborted);
  },
};

/** Throws USAGE_INVALID and SETTING_INVALID. */
function sourceUrl({ options, settings }: Invocation): string {
  if (typeof options.from !== 'string') return settings().store;
  const url = storeUrl.read(options.from);
  if (url !== undefined) return url;
  throw cliError('USAGE_INVALID', `--from must be ${storeUrl.allowed}.`, { input: storeUrl.show(options.from) });
}

async function conclude(
  { io, json, options }: Invocation,
  status: DestinationStatus,
  stopped: boolean,
): Promise<ExitCode> {
  const { docs, bytes, conflicts } = status;
  if (json) await write(io.stdout, `${JSON.stringify({ ended: true, stopped, ...status })}\n`);
  else {
    const found = conflicts === 0 ? '' : `, ${counted(conflicts, 'conflict')}`;
    const lag = status.lagMs === null || options.once === true ? '' : `; lag ${span(status.lagMs.p50)}`;
    await write(io.stdout, `${counted(docs, 'document')} (${sized(bytes)}) sent to ${status.url}${found}${lag}\n`);
  }
  // How much there is to do is not known before the destination was reached.
  if (options.once === true && stopped) {
    return reportError(cliError('INTERRUPTED', 'Replication was stopped before its end'), io, json);
  }
  return EXIT.done;
}

/** A line that is drawn over on a terminal, or JSON lines; changes of state as lines of their own elsewhere. */
class StatusOutput implements Disposable {
  readonly #invocation: Invocation;
  readonly #line: ReturnType<typeof progressLine>;
  #jsonAt = Number.NEGATIVE_INFINITY;
  #state = '';

  constructor(invocation: Invocation) {
    this.#invocation = invocation;
    this.#line = progressLine(invocation.io.stderr, invocation.io.clock);
  }

  show(status: DestinationStatus): void {
    const { io, json } = this.#invocation;
    const state = `${status.state} ${status.lastError?.code ?? ''}`;
    const isNews = state !== this.#state;
    this.#state = state;
    if (json) {
      if (!isNews && io.clock() - this.#jsonAt < JSON_MS) return;
      this.#jsonAt = io.clock();
      void write(io.stdout, `${JSON.stringify(status)}\n`);
      return;
    }
    this.#line.show(progressText(status));
    if (isNews && io.stderr.isTTY !== true) void write(io.stderr, `${progressText(status)}\n`);
  }

  [Symbol.dispose](): void {
    this.#line[Symbol.dispose]();
  }
}
