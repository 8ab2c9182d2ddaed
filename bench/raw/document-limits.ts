import { XMLParser } from 'fast-xml-parser';
import sanitizeHtml from 'sanitize-html';
import { type Limit, limitOf } from './rate.ts';

const MB = 1e6;

/** fast-xml-parser over all documents. In MB of text: UTF-8 bytes. */
export async function parseLimits(documents: readonly string[], runs: number): Promise<Limit[]> {
  const megabytes = documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / MB;
  const parseAll = (parser: XMLParser) => (): void => {
    for (const text of documents) parser.parse(text);
  };
  return [
    await limitOf('fast-xml-parser, default options', 'MB', megabytes, runs, parseAll(new XMLParser())),
    await limitOf(
      'fast-xml-parser, preserveOrder with attributes',
      'MB',
      megabytes,
      runs,
      parseAll(new XMLParser({ preserveOrder: true, ignoreAttributes: false })),
    ),
  ];
}

/** sanitize-html with its default options over the bodies of all articles. */
export function sanitizeLimit(bodies: readonly string[], runs: number): Promise<Limit> {
  return limitOf('sanitize-html, default options', 'articles', bodies.length, runs, () => {
    for (const html of bodies) sanitizeHtml(html);
  });
}
