import { between, chance, pick, type Random } from './random.ts';

/**
 * Made-up languages: nobody's words, but with the lengths, the letters and the repetition of real ones, so that
 * decoding, full-text indexing and compression have real work to do.
 */
export type TongueName = 'plain' | 'accented' | 'cyrillic' | 'han';

interface Sounds {
  /** A BCP 47 private-use tag: these languages are nobody's. */
  readonly tag: string;
  readonly onsets: readonly string[];
  readonly vowels: readonly string[];
  readonly codas: readonly string[];
  readonly spaced: boolean;
}

const words = (text: string): readonly string[] => text.split(' ');

const TONGUES: Readonly<Record<TongueName, Sounds>> = {
  plain: {
    tag: 'x-plain',
    onsets: words('b br c ch d dr f fl g gr h j k l m n p pl qu r s sh sl st t th tr v w z'),
    vowels: words('a e i o u ai ea ee oa ou'),
    codas: ['', '', '', ...words('l m n nd r rn s st t th x ck ng')],
    spaced: true,
  },
  accented: {
    tag: 'x-accented',
    onsets: words('b br c ç d dr f g gl j l ll m n ñ p pr r s št t tr v ž'),
    vowels: words('a e i o u á é è í ö ü å ê œ'),
    codas: ['', '', '', ...words('l m n r s x nt')],
    spaced: true,
  },
  cyrillic: {
    tag: 'x-cyrillic',
    onsets: words('б бр в г гр д ж з к кл л м н п пр р с ст т тр х ч ш'),
    vowels: words('а е и о у ы э ю я'),
    codas: ['', '', ...words('л м н р с т й')],
    spaced: true,
  },
  han: { tag: 'x-han', onsets: hanSigns(), vowels: [''], codas: [''], spaced: false },
};

/** 900 signs of the unified block. */
function hanSigns(): readonly string[] {
  return Array.from({ length: 900 }, (_, i) => String.fromCodePoint(0x4e00 + i * 11));
}

const VOCABULARY_SIZE = 8000;
const SENTENCE_COUNT = 4000;

/** Sentences and words of one tongue, drawn once for a world; articles are put together from them. */
export interface Stock {
  readonly tag: string;
  readonly words: readonly string[];
  readonly sentences: readonly string[];
  /** UTF-8 bytes of an average character, to aim at a size. */
  readonly bytesPerChar: number;
}

export function makeStock(tongue: TongueName, random: Random): Stock {
  const sounds = TONGUES[tongue];
  const vocabulary = Array.from({ length: VOCABULARY_SIZE }, (_, rank) => makeWord(sounds, rank, random));
  const sentences = Array.from({ length: SENTENCE_COUNT }, () => makeSentence(sounds, vocabulary, random));
  const sample = sentences.slice(0, 200).join(' ');
  return { tag: sounds.tag, words: vocabulary, sentences, bytesPerChar: Buffer.byteLength(sample) / sample.length };
}

/** Frequent words are short, as in real languages. */
function makeWord(sounds: Sounds, rank: number, random: Random): string {
  const syllables = rank < 60 ? 1 : between(random, 1, rank < 1000 ? 2 : 4);
  let word = '';
  for (let i = 0; i < syllables; i += 1) {
    word += pick(random, sounds.onsets) + pick(random, sounds.vowels) + pick(random, sounds.codas);
  }
  return word;
}

/** Near to Zipf's law: the cube of an even number favours the first ranks. */
export function frequentWord(vocabulary: readonly string[], random: Random): string {
  return vocabulary[Math.floor(vocabulary.length * random() ** 3)] ?? '';
}

function makeSentence(sounds: Sounds, vocabulary: readonly string[], random: Random): string {
  const length = between(random, 5, 22);
  const parts: string[] = [];
  for (let i = 0; i < length; i += 1) {
    const comma = sounds.spaced && i > 2 && i < length - 2 && chance(random, 0.08) ? ',' : '';
    parts.push(frequentWord(vocabulary, random) + comma);
  }
  if (!sounds.spaced) return `${parts.join('')}。`;
  return `${capital(parts.join(' '))}${pick(random, ['.', '.', '.', '.', '?', '!'])}`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
