import { EXIT } from './exit.ts';

/**
 * A second signal within this time is the same wish: npm passes on what the terminal has already sent to all of its
 * children.
 */
export const REPEAT_MS_MAX = 500;

export interface StopSignals extends Disposable {
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Resolves with the first SIGINT or SIGTERM. */
  readonly stopped: Promise<NodeJS.Signals>;
}

/** The first SIGINT or SIGTERM asks for an orderly end; another one ends the process at once, with exit code 1. */
export function stopSignals(): StopSignals {
  const controller = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let firstAt = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    const now = performance.now();
    if (controller.signal.aborted) {
      if (now - firstAt > REPEAT_MS_MAX) process.exit(EXIT.failed);
      return;
    }
    firstAt = now;
    resolve(name);
    controller.abort(name);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    stopped,
    [Symbol.dispose]() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
