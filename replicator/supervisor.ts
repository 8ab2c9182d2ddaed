import { type DestinationConfig, readStatus, readWish, shownUrl, type Wish, writeStatus } from './configuration.ts';
import { type DestinationOptions, type RunningDestination, startDestination } from './sending/destination.ts';
import type { DestinationStatus } from './status.ts';

/** An operator's wish is seen within this time. */
const WISH_POLL_MS = 100;
/** A status is written this often, and at once when the state changes. */
const STATUS_MS = 1000;

export interface SupervisorOptions extends Omit<DestinationOptions, 'name' | 'databases' | 'direction' | 'policies'> {
  readonly config: DestinationConfig;
  readonly process: { readonly pid: number; readonly host: string };
  /** What went wrong with wishes and statuses; the work itself goes on. */
  readonly onTrouble?: (error: unknown) => void;
}

/**
 * One destination at work, driven by what operators wish of it, and telling what it does, both in notes of the source's
 * `control`. Where those can't be read or written it goes on as it was.
 */
export function superviseDestination(options: SupervisorOptions): RunningDestination {
  const { name, databases, direction, policies } = options.config;
  const teller = new StatusTeller(options);
  const running = startDestination({
    ...{ ...options, name, databases, direction, policies, url: shownUrl(options.config.to) },
    onStatus: (status) => {
      options.onStatus?.(status);
      teller.tell(status);
    },
  });
  const end = new AbortController();
  const following = followWishes(options, running, teller, end.signal);
  const ended = running.ended.finally(async () => {
    end.abort();
    await following;
    await teller.tellLast(running.status());
  });
  // Whoever waits for the end sees the error there.
  ended.catch(() => {});
  return {
    name,
    status: () => running.status(),
    pause: (why) => running.pause(why),
    resume: () => running.resume(),
    setLimits: (limits) => running.setLimits(limits),
    reseed: () => running.reseed(),
    stop: async () => {
      await running.stop();
      await ended.catch(() => {});
    },
    ended,
  };
}

async function followWishes(
  { config, source, runtime, limits, onTrouble }: SupervisorOptions,
  running: RunningDestination,
  teller: StatusTeller,
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  let isKnown = false;
  while (!signal.aborted) {
    try {
      const wish = await readWish(source.control, config.name);
      if (!isKnown) teller.reseeds = (await readStatus(source.control, config.name))?.reseeds ?? wish.reseeds;
      isKnown = true;
      if (wish.reseeds > teller.reseeds) {
        await running.reseed();
        teller.reseeds = wish.reseeds;
      }
      const text = JSON.stringify(wish);
      if (text !== last) obey(running, wish, limits);
      last = text;
    } catch (error) {
      onTrouble?.(error);
    }
    teller.tell(running.status());
    await runtime.sleep(WISH_POLL_MS, signal);
  }
}

function obey(running: RunningDestination, wish: Wish, base: DestinationOptions['limits']): void {
  running.setLimits({ ...base, ...wish.limits });
  if (wish.paused === null) running.resume();
  else running.pause(wish.paused);
}

/** Writes statuses seldom, one at a time. */
class StatusTeller {
  reseeds = 0;
  readonly #options: SupervisorOptions;
  #at = Number.NEGATIVE_INFINITY;
  #state = '';
  #writing: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  tell(status: DestinationStatus): void {
    const now = this.#options.runtime.elapsed();
    if (this.#writing !== undefined || (status.state === this.#state && now - this.#at < STATUS_MS)) return;
    this.#at = now;
    this.#state = status.state;
    this.#writing = this.#write(status).finally(() => {
      this.#writing = undefined;
    });
  }

  async tellLast(status: DestinationStatus): Promise<void> {
    await this.#writing;
    await this.#write(status);
  }

  async #write(status: DestinationStatus): Promise<void> {
    const { source, runtime, process, onTrouble } = this.#options;
    const shown = { status, process, reseeds: this.reseeds, at: runtime.clock() };
    await writeStatus(source.control, shown).catch((error: unknown) => onTrouble?.(error));
  }
}
