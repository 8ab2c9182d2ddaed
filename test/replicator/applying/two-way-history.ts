/**
 * What three sites did to their documents, as somebody knows who watched: of each version what it replaced or was made
 * of. Nothing here looks at version vectors, so that it can judge them.
 */
import { isRead } from '../../../site/marks.ts';
import type { Version } from '../../../store/contract.ts';
import type { ReadMark } from '../../../store/documents.ts';
import { canonicalJson } from '../../../store/envelope.ts';

interface Known {
  readonly parents: readonly Version[];
  readonly text: string;
  readonly content: unknown;
}

/** What one site had of a document, what came, what is there now, and which losers were listed meanwhile. */
export interface Meeting {
  /** In this order, where others edited it in between. */
  readonly before: readonly Version[];
  readonly incoming: Version;
  readonly after: { readonly ver: Version; readonly content: unknown };
  readonly listed: readonly Version[];
  /** The step was cut off before anything was written. */
  readonly cut: boolean;
}

export class History {
  readonly #known = new Map<Version, Known>();
  /** Listed at any site. */
  readonly #listed = new Set<Version>();
  readonly #drops: boolean;
  readonly problems: string[] = [];

  /** `drops`: under the policy `newest` losers are not listed. */
  constructor({ drops }: { drops: boolean }) {
    this.#drops = drops;
  }

  edited(ver: Version, replaced: Version | undefined, content: unknown): void {
    this.#known.set(ver, { parents: replaced ? [replaced] : [], text: canonicalJson(content), content });
  }

  met(meeting: Meeting): void {
    const { before, incoming, after, listed, cut } = meeting;
    for (const ver of listed) this.#listed.add(ver);
    const last = before.at(-1);
    const others = before.filter((ver) => this.#isConcurrent(ver, incoming));
    for (const ver of listed) {
      if (ver === incoming ? others.length > 0 : others.includes(ver)) continue;
      this.#wrong(`${ver} was listed, and was not concurrent to ${incoming}`, meeting);
    }
    if (cut) return;
    if (last !== undefined && after.ver !== last && after.ver !== incoming) this.#merged(meeting, last);
    else if (last !== undefined) this.#chosen(meeting, last);
    else if (after.ver !== incoming) this.#wrong('what came first was not taken', meeting);
  }

  /** One of the two stands there: the greater one, and the other was its ancestor, says the same, or is listed. */
  #chosen(meeting: Meeting, last: Version): void {
    const { incoming, after } = meeting;
    const loser = after.ver === incoming ? last : incoming;
    if (loser > after.ver) this.#wrong(`${after.ver} won over ${loser}`, meeting);
    if (loser === after.ver || this.#drops || !this.#isConcurrent(loser, after.ver)) return;
    if (this.#accounted(after.ver).has(loser)) return;
    this.#wrong(`${loser} was lost without being listed`, meeting);
  }

  #merged(meeting: Meeting, last: Version): void {
    const { incoming, after } = meeting;
    if (after.ver <= last || after.ver <= incoming) this.#wrong('a merged version is not the newest', meeting);
    if (this.#isConcurrent(last, incoming)) this.#united(meeting, last);
    else if (!this.#isSaidBy(meeting, this.#knowsMore(last, incoming))) {
      this.#wrong('what was not concurrent was merged', meeting);
    }
    const text = canonicalJson(after.content);
    const same = this.#known.get(after.ver);
    if (same !== undefined && same.text !== text) this.#wrong('two sites merged to different documents', meeting);
    this.#known.set(after.ver, same ?? { parents: [last, incoming], text, content: after.content });
  }

  /** Marks of both sites: read is what was read at either, and who set something back to unread must be told. */
  #united(meeting: Meeting, last: Version): void {
    const { incoming, after } = meeting;
    const [a, b] = [this.#known.get(last)?.content, this.#known.get(incoming)?.content];
    if (!isMark(a) || !isMark(b) || !isMark(after.content)) return;
    const merged = after.content;
    const wrong = numsOf(a, b, merged).filter((num) => isRead(merged, num) !== (isRead(a, num) || isRead(b, num)));
    if (wrong.length > 0) this.#wrong(`${wrong} are not read as they were at either site`, meeting);
    const undone = [...a.unread, ...b.unread].some((num) => isRead(merged, num));
    const isListed = this.#listed.has(incoming) && this.#listed.has(last);
    if (undone && !isListed) this.#wrong('a mark set back to unread was undone and not listed', meeting);
  }

  #isSaidBy({ after }: Meeting, ver: Version): boolean {
    return this.#text(ver) === canonicalJson(after.content);
  }

  #knowsMore(a: Version, b: Version): Version {
    return this.#editsIn(a).size >= this.#editsIn(b).size ? a : b;
  }

  /** At the end: each edit is in what stands everywhere, or in something that is listed. */
  concluded(final: Version): void {
    if (this.#drops) return;
    const accounted = this.#accounted(final);
    for (const [ver, { text, parents }] of this.#known) {
      // A merged version says nothing of its own.
      if (parents.length < 2 && !accounted.has(ver)) this.problems.push(`the edit ${ver} is lost: ${text}`);
    }
  }

  /** What is in this version or in one that is listed, or says the same as something that is. */
  #accounted(ver: Version): Set<Version> {
    const accounted = new Set<Version>();
    const texts = new Set<string | undefined>();
    const open = [ver, ...this.#listed];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (accounted.has(next)) continue;
      accounted.add(next);
      const known = this.#known.get(next);
      open.push(...(known?.parents ?? []));
      if (known === undefined || texts.has(known.text)) continue;
      texts.add(known.text);
      for (const [other, { text }] of this.#known) if (text === known.text) open.push(other);
    }
    return accounted;
  }

  /** Each has an edit that the other lacks. Of merged versions only the edits in them count, not their order. */
  #isConcurrent(a: Version, b: Version): boolean {
    const [inA, inB] = [this.#editsIn(a), this.#editsIn(b)];
    return [...inA].some((ver) => !inB.has(ver)) && [...inB].some((ver) => !inA.has(ver));
  }

  #editsIn(ver: Version): Set<Version> {
    return new Set([...this.#lineOf(ver)].filter((one) => (this.#known.get(one)?.parents.length ?? 0) < 2));
  }

  /** A version with all that it stems from. */
  #lineOf(ver: Version): Set<Version> {
    const line = new Set<Version>();
    const open = [ver];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (line.has(next)) continue;
      line.add(next);
      open.push(...(this.#known.get(next)?.parents ?? []));
    }
    return line;
  }

  #text(ver: Version): string | undefined {
    return this.#known.get(ver)?.text;
  }

  #wrong(what: string, meeting: Meeting): void {
    this.problems.push(`${what}: ${JSON.stringify(meeting)}`);
  }
}

function isMark(content: unknown): content is ReadMark {
  return (content as Partial<ReadMark> | null | undefined)?.kind === 'mark';
}

function numsOf(...marks: ReadMark[]): number[] {
  const most = Math.max(...marks.flatMap(({ upTo, read, unread }) => [upTo, ...read, ...unread]));
  return Array.from({ length: most + 2 }, (_, num) => num);
}
