import { say } from '../measure/progress.ts';
import { median, rounded, spread } from '../measure/statistics.ts';
import type { ReplicateOptions } from './options.ts';
import { percentiles } from './percentiles.ts';

/** Short, so that what a shared machine does besides falls upon both alike. */
const PHASE_SECONDS = 5;

type Which = 'without' | 'with';

/**
 * Measures the same in many short phases, without and with something beside it in turn: `runs` times `seconds` of each.
 * `measure` returns latencies in ms. Ratios are taken pair by pair, and over all samples of each kind.
 */
export async function alternate(
  { seconds, runs }: Pick<ReplicateOptions, 'seconds' | 'runs'>,
  measure: (which: Which, phaseSeconds: number, pair: number) => Promise<readonly number[]>,
): Promise<object> {
  const phaseSeconds = Math.min(PHASE_SECONDS, seconds);
  const pairs = Math.max(1, Math.round((runs * seconds) / phaseSeconds));
  const latencies: Record<Which, (readonly number[])[]> = { without: [], with: [] };
  for (let pair = 0; pair < pairs; pair += 1) {
    for (const which of pair % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const)) {
      const measured = await measure(which, phaseSeconds, pair);
      latencies[which].push(measured);
      const { p50, p99, samples } = percentiles(measured);
      say(`${which}: p50 ${p50} ms, p99 ${p99} ms of ${samples}`);
    }
  }
  const all = { without: percentiles(latencies.without.flat()), with: percentiles(latencies.with.flat()) };
  const each = (which: Which, of: 'p50' | 'p99'): number[] => latencies[which].map((some) => percentiles(some)[of]);
  const ratios = (of: 'p50' | 'p99'): number[] =>
    each('with', of).map((ms, i) => ms / (each('without', of)[i] ?? Number.NaN));
  return {
    ...{ phaseSeconds, pairs, without: all.without, with: all.with },
    ...{ p99MsWithout: spread(each('without', 'p99')), p99MsWith: spread(each('with', 'p99')) },
    ...{ p50Ratio: spread(ratios('p50')), p99Ratio: spread(ratios('p99')) },
    p99RatioOfMedians: rounded(median(each('with', 'p99')) / median(each('without', 'p99'))),
    p99RatioOfAll: rounded(all.with.p99 / all.without.p99),
  };
}
