import type { WorldFeed } from './feed.ts';
import { escapeMarkup } from './markup.ts';
import type { WorldOptions } from './options.ts';
import { randomFor } from './random.ts';

interface Damaged {
  readonly body: Buffer;
  readonly contentType: string;
}

/** Spoils a document the way its feed's kind wants it; other kinds get it back untouched. Pure. */
export function damage(options: WorldOptions, feed: WorldFeed, body: Buffer, contentType: string): Damaged {
  switch (feed.kind) {
    case 'truncated':
      return { body: body.subarray(0, Math.floor(body.length * 0.6)), contentType };
    case 'html':
      return { body: webPage(feed), contentType: 'text/html; charset=utf-8' };
    case 'empty':
      return { body: Buffer.alloc(0), contentType };
    case 'broken-markup':
      return { body: breakMarkup(feed, body), contentType };
    case 'bad-encoding':
      return { body: breakEncoding(body), contentType };
    case 'junk':
      return { body: junk(options, feed, body.length), contentType };
    case 'oversized':
      return { body: Buffer.concat([body, padding(options.oversizedBytes - body.length)]), contentType };
    default:
      return { body, contentType };
  }
}

function webPage(feed: WorldFeed): Buffer {
  const title = escapeMarkup(feed.title);
  return Buffer.from(
    `<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1><p>This site has moved on.<br>There is no feed here any more.</body></html>\n`,
  );
}

/** No closing tag of the wrapper is right, and there are bare ampersands and less-than signs in the text. */
function breakMarkup(feed: WorldFeed, body: Buffer): Buffer {
  const text = body.toString('utf8');
  if (feed.format === 'json') return Buffer.from(text.replace('"items":[{', '"items":['));
  return Buffer.from(
    text
      .replace('</title>', ' & co < nothing</titel>')
      .replaceAll(/<\/(item|entry)>/g, '</div>')
      .replace(/<\/\w+>\s*$/, ''),
  );
}

/** A word of Latin-1 at the head of every long run of text, in a document that is declared, or must be, UTF-8. */
function breakEncoding(body: Buffer): Buffer {
  const bytes = body.toString('latin1');
  return Buffer.from(bytes.replaceAll(/>(?=[^<>]{60})/g, '>caf\xe9 '), 'latin1');
}

function junk(options: WorldOptions, feed: WorldFeed, length: number): Buffer {
  const random = randomFor(options.seed, 'junk', feed.index);
  return Buffer.from(Uint8Array.from({ length }, () => Math.floor(random() * 256)));
}

/** White space may follow the root element in XML and JSON alike: only the size is wrong. */
function padding(length: number): Buffer {
  return Buffer.alloc(Math.max(0, length), ' \n');
}
