/** The digesting thread: bodies in, articles out, one after the other. `digester.ts` is the other end. */
import { parentPort } from 'node:worker_threads';
import type { Article } from '../store/documents.ts';
import { CodedError } from '../store/errors.ts';
import { type PackedArticles, packArticles } from './article-bytes.ts';
import { type DigestedFeed, type DigestInput, type Digestion, digestFeed, type Wanted } from './digest.ts';

export type ToThread =
  | { readonly kind: 'digest'; readonly job: number; readonly input: DigestInput }
  | { readonly kind: 'articles'; readonly job: number; readonly wanted: readonly Wanted[] }
  /** Nothing more is wanted of this body. */
  | { readonly kind: 'release'; readonly job: number };

export type FromThread =
  /** All code is loaded. */
  { readonly kind: 'ready' } | Answer;

export type Answer =
  | { readonly kind: 'digested'; readonly job: number; readonly digested: DigestedFeed }
  /** Its memory goes along. */
  | { readonly kind: 'articles'; readonly job: number; readonly packed: PackedArticles }
  | { readonly kind: 'failed'; readonly job: number; readonly error: ThreadError };

/** `code` null: no coded error. */
export interface ThreadError {
  readonly code: string | null;
  readonly message: string;
  readonly input: string;
  readonly advice: string;
  readonly retryable: boolean;
}

const open = new Map<number, Digestion>();

parentPort?.on('message', (message: ToThread) => {
  const { job } = message;
  if (message.kind === 'release') {
    open.delete(job);
    return;
  }
  let answer: Answer;
  try {
    answer = answerTo(message);
  } catch (error) {
    open.delete(job);
    answer = { kind: 'failed', job, error: plain(error) };
  }
  parentPort?.postMessage(answer, answer.kind === 'articles' ? [answer.packed.memory] : []);
});

parentPort?.postMessage({ kind: 'ready' } satisfies FromThread);

function answerTo(message: Exclude<ToThread, { kind: 'release' }>): Answer {
  const { job } = message;
  if (message.kind === 'digest') {
    const digestion = digestFeed(message.input);
    open.set(job, digestion);
    return { kind: 'digested', job, digested: digestion.digested };
  }
  return { kind: 'articles', job, packed: packArticles(articlesOf(open.get(job), message.wanted)) };
}

function articlesOf(digestion: Digestion | undefined, wanted: readonly Wanted[]): { id: string; article: Article }[] {
  const articles = digestion?.articles(wanted) ?? [];
  return articles.map((article, i) => ({ id: digestion?.digested.items[wanted[i]?.index ?? -1]?.id ?? '', article }));
}

function plain(error: unknown): ThreadError {
  if (error instanceof CodedError) return error.toJSON();
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: null, message, input: '', advice: '', retryable: false };
}
