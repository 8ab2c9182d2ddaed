import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { DestinationSummary } from '../../replicator/sending/destination.ts';
import type { DestinationStatus } from '../../replicator/status.ts';
import { BenchFailure } from '../measure/progress.ts';
import type { Sending } from './sender-process.ts';

const SENDER_PROCESS = new URL('./sender-process.ts', import.meta.url).pathname;
const PATIENCE_MS = 600_000;

/** A replicator in a process of its own, as beside a site. */
export class Sender implements AsyncDisposable {
  status: DestinationStatus | undefined;
  summary: DestinationSummary | undefined;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  constructor(sending: Sending) {
    this.#child = spawn(process.execPath, [SENDER_PROCESS, JSON.stringify(sending)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#exited = new Promise((resolve) => this.#child.on('exit', () => resolve()));
    if (!this.#child.stdout) throw new TypeError('no output');
    createInterface(this.#child.stdout).on('line', (line) => {
      const told = JSON.parse(line) as { status?: DestinationStatus; summary?: DestinationSummary };
      this.status = told.status ?? this.status;
      this.summary = told.summary ?? this.summary;
    });
  }

  async until(condition: (status: DestinationStatus) => boolean, what: string): Promise<DestinationStatus> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      if (this.status && condition(this.status)) return this.status;
      if (this.#child.exitCode !== null || performance.now() > end) throw new BenchFailure(`never ${what}`);
      await delay(10);
    }
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** As SIGTERM ends it: what is under way is finished. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
