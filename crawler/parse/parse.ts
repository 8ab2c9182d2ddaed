import { CodedError } from '../../store/errors.ts';
import { readAtom } from './atom.ts';
import { readRss } from './channel.ts';
import { decodeBody, decodeJson } from './charset.ts';
import { detect } from './detect.ts';
import { readDocument } from './document.ts';
import { parseError } from './errors.ts';
import { readJsonFeed } from './json-feed.ts';
import { BODY_BYTES_MAX, ELEMENTS_MAX } from './limits.ts';
import { mendCharacters } from './mend.ts';
import type { ParsedFeed, ParseInput } from './model.ts';
import type { Reading } from './reading.ts';
import { absoluteUrl } from './url.ts';
import { Warnings } from './warnings.ts';

/**
 * Bytes to a feed: RSS 0.90 to 2.0, RSS 1.0 (RDF), Atom 0.3 and 1.0, JSON Feed 1.0 and 1.1. Pure: the same input gives
 * the same feed. Broken documents are mended as far as whole entries can be had; `warnings` tells what was done.
 * Throws CodedError PARSE_* (errors.ts), nothing else.
 */
export function parseFeed(input: ParseInput): ParsedFeed {
  try {
    const warnings = new Warnings();
    const feed = read(input, warnings);
    feed.warnings = warnings.list();
    return feed;
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw parseError('PARSE_MALFORMED', 'The document is broken.', { input: input.url ?? '', cause: error });
  }
}

function read(input: ParseInput, warnings: Warnings): ParsedFeed {
  const { body } = input;
  if (body.byteLength === 0) throw parseError('PARSE_EMPTY', 'The document is empty.');
  if (body.byteLength > BODY_BYTES_MAX) {
    throw parseError('PARSE_TOO_LARGE', `The document has ${body.byteLength} bytes; the limit is ${BODY_BYTES_MAX}.`);
  }
  const url = input.url === undefined ? null : absoluteUrl(input.url, null);
  const text = mendCharacters(decodeBody(body, input.contentType, warnings), warnings);
  const detected = detect(text, warnings);
  if (detected.kind === 'json') {
    const json = decodeJson(body, new Warnings()).trim();
    return readJsonFeed(json, { url, own: null, warnings });
  }
  const { root, rootName, own } = readDocument(text, detected, warnings, input.elementsMax ?? ELEMENTS_MAX);
  const reading: Reading = { url, own, warnings };
  if (detected.format === 'atom') return readAtom(root, rootName, reading);
  return readRss(root, rootName, detected.format, reading);
}
