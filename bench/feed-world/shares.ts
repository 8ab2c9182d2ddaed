import { type Random, shuffled } from './random.ts';

/**
 * Deals names to `count` places so that each share is met exactly (rounded to whole places); `rest` gets what is left.
 * The order is shuffled. Shares are fractions of one; more than one in all is the caller's mistake.
 */
export function deal<Name extends string>(
  shares: Readonly<Partial<Record<Name, number>>>,
  rest: Name,
  count: number,
  random: Random,
): Name[] {
  const dealt: Name[] = [];
  for (const [name, share] of Object.entries(shares) as [Name, number | undefined][]) {
    const places = Math.min(Math.round((share ?? 0) * count), count - dealt.length);
    for (let i = 0; i < places; i += 1) dealt.push(name);
  }
  while (dealt.length < count) dealt.push(rest);
  return shuffled(random, dealt);
}
