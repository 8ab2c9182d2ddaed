/** What the documents of a schedule hold: of each way to treat conflicts a kind. */
import { markRead, markUnread, markUpTo, NOTHING_READ } from '../../../site/marks.ts';
import type { DatabaseName, ReadMark } from '../../../store/documents.ts';
import type { Random } from '../../contract/random.ts';
import { feed } from '../../contract/samples.ts';

export type Kind = 'mark' | 'star' | 'subscription' | 'feed';

export const KINDS: readonly Kind[] = ['mark', 'mark', 'star', 'subscription', 'subscription', 'feed'];

export const DATABASES: Readonly<Record<Kind, DatabaseName>> = {
  mark: 'states',
  star: 'states',
  subscription: 'subscriptions',
  feed: 'feeds',
};

/** Of the articles of one feed. */
const NUM_MAX = 12;

/** What an edit makes of what is there; now and then two edits say the same. */
export function editedContent(random: Random, kind: Kind, there: unknown): object | null {
  if (random.chance(0.12)) return null;
  const title = random.chance(0.1) ? 'the same' : `edit ${random.next()}`;
  if (kind === 'feed') return feed({ num: 1, title });
  if (kind === 'subscription') return { user: 'r', feed: 'f', title, folder: null, addedAt: 1 };
  const at = 1 + random.below(NUM_MAX);
  if (kind === 'star') {
    return { kind, user: 'r', feed: 'f', article: 'f.a', articleNum: 1, articleAt: 1, starredAt: at };
  }
  const mark = (there ?? { kind, user: 'r', feed: 'f', ...NOTHING_READ }) as ReadMark;
  return { ...mark, ...random.pick([markRead, markUnread, markRead, markUpTo])(mark, at) };
}
