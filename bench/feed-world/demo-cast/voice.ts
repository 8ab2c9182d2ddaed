import type { CastFeed } from '../options.ts';
import type { Prose } from '../prose.ts';
import { pick, type Random, randomFor, shuffled } from '../random.ts';

/**
 * How somebody writes. Every line is a pattern: `{one|another}` stands for one of the two, drawn anew each time; a
 * pattern may hold several, not nested.
 */
export interface Voice {
  readonly slug: string;
  readonly title: string;
  readonly description: string;
  readonly folder: string;
  readonly format: CastFeed['format'];
  readonly colour: string;
  readonly names: readonly string[];
  readonly tags: readonly string[];
  readonly headlines: readonly string[];
  readonly captions: readonly string[];
  readonly sentences: readonly string[];
}

const SECTIONS = ['What I would do differently', 'A smaller thing', 'For next time', 'Afterwards', 'How it went'];

export function castFeed(voice: Voice): CastFeed {
  const { slug, title, description, folder, format, colour } = voice;
  return { slug, title, description, folder, format, colour, prose: spoken(voice) };
}

function spoken(voice: Voice): Prose {
  const headlines = shuffled(randomFor(0, voice.slug), voice.headlines.flatMap(allOf));
  const say = (patterns: readonly string[]) => (random: Random) => fill(pick(random, patterns), random);
  return {
    language: 'en',
    bytesPerChar: 1,
    // Every headline once before any comes again.
    headline: (_, entry) => headlines[entry % headlines.length] ?? '',
    section: say(SECTIONS),
    caption: say(voice.captions),
    sentences: (random) => deckOf(voice.sentences, random),
    tag: say(voice.tags),
    name: say(voice.names),
  };
}

/** No pattern twice before all were there. */
function deckOf(patterns: readonly string[], random: Random): () => string {
  let deck: string[] = [];
  return () => {
    if (deck.length === 0) deck = shuffled(random, patterns);
    return fill(deck.pop() ?? '', random);
  };
}

function fill(pattern: string, random: Random): string {
  return pattern.replaceAll(/\{([^{}]*)\}/g, (_, choices: string) => pick(random, choices.split('|')));
}

/** All that a pattern can say. */
function allOf(pattern: string): string[] {
  const [whole, choices] = /\{([^{}]*)\}/.exec(pattern) ?? [];
  if (whole === undefined || choices === undefined) return [pattern];
  return choices.split('|').flatMap((choice) => allOf(pattern.replace(whole, () => choice)));
}
