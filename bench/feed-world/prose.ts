import { between, chance, pick, type Random } from './random.ts';
import { capital, frequentWord, makeStock, type Stock, type TongueName } from './tongues.ts';

/** Whoever writes the articles of a feed. Plain text, not markup. */
export interface Prose {
  /** BCP 47. */
  readonly language: string;
  readonly bytesPerChar: number;
  /** `entry`: the number of the entry, so that a writer can avoid saying the same thing soon again. */
  headline(random: Random, entry: number): string;
  /** Heads a part of an article. */
  section(random: Random): string;
  /** Of a picture. */
  caption(random: Random): string;
  /** The sentences of one article, one at each call. */
  sentences(random: Random): () => string;
  tag(random: Random): string;
  /** Of a person. */
  name(random: Random): string;
}

/** One in so many headlines holds a character that markup must escape. */
const AWKWARD_SHARE = 0.06;

export function madeUpProse(stock: Stock): Prose {
  const word = (random: Random): string => frequentWord(stock.words, random);
  return {
    language: stock.tag,
    bytesPerChar: stock.bytesPerChar,
    headline: (random) => headline(random, word),
    section: (random) => headline(random, word),
    caption: (random) => headline(random, word),
    sentences: (random) => () => pick(random, stock.sentences),
    tag: (random) => pick(random, stock.words),
    name: (random) => `${capital(pick(random, stock.words))} ${capital(pick(random, stock.words))}`,
  };
}

function headline(random: Random, word: (random: Random) => string): string {
  const text = capital(Array.from({ length: between(random, 3, 9) }, () => word(random)).join(' '));
  if (!chance(random, AWKWARD_SHARE)) return text;
  return text + pick(random, [' & more', ' <revisited>', ' “twice”', ` — “${word(random)}”`, ' & <i>not</i> markup']);
}

/** Stocks are costly to make (some 10 ms each): one of each tongue for a world, made when first asked for. */
export function tongueShelf(makeRandom: (tongue: TongueName) => Random): (tongue: TongueName) => Prose {
  const shelf = new Map<TongueName, Prose>();
  return (tongue) => {
    const found = shelf.get(tongue);
    if (found) return found;
    const made = madeUpProse(makeStock(tongue, makeRandom(tongue)));
    shelf.set(tongue, made);
    return made;
  };
}
