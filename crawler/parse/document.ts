import { balance } from './balance.ts';
import type { Detected } from './detect.ts';
import type { OwnEntities } from './entities.ts';
import { parseError } from './errors.ts';
import { LARGE_CHARS, TAG_CHARS_MAX } from './limits.ts';
import { ownEntities } from './mend.ts';
import { canonicalName, renamedPrefixes } from './namespaces.ts';
import type { Warnings } from './warnings.ts';
import { type Nodes, nameOf, nodesOf, type ParsedXml, parseXml, type XmlNode } from './xml.ts';

export interface XmlDocument {
  readonly root: XmlNode;
  readonly rootName: string;
  readonly own: OwnEntities | null;
}

type Xml = Extract<Detected, { kind: 'xml' }>;

/**
 * Parses a feed in XML: as it stands, and where that fails or loses entries once more with its markup mended. Throws
 * PARSE_TRUNCATED, PARSE_TOO_DEEP and PARSE_MALFORMED.
 */
export function readDocument(text: string, found: Xml, warnings: Warnings, elementsMax: number): XmlDocument {
  const own = ownEntities(text.slice(0, found.start), warnings);
  const renamed = renamedPrefixes(text, found.format === 'atom');
  const xml = text.slice(found.start);
  const rootName = canonicalName(found.root, renamed);
  const straight = hasHugeTag(xml) ? null : attempt(() => parseXml(xml, renamed, own, elementsMax));
  if (straight !== null) {
    const root = soundRoot(xml, straight, found.root, rootName);
    if (root !== null) {
      noteLeftOut(straight, warnings);
      return { root, rootName, own };
    }
  }
  const mended = balance(xml, (raw) => canonicalName(raw, renamed), warnings);
  const parsed = attempt(() => parseXml(mended, renamed, own, elementsMax));
  const root = parsed?.nodes.find((node) => nameOf(node) === rootName);
  if (root === undefined) throw parseError('PARSE_MALFORMED', 'The markup is too broken to be mended.');
  if (parsed !== null) noteLeftOut(parsed, warnings);
  return { root, rootName, own };
}

function noteLeftOut({ leftOut }: ParsedXml, warnings: Warnings): void {
  if (leftOut > 0) warnings.add('PARSE_ENTRIES_LEFT_OUT', `${leftOut} entries were left out`);
}

/** Null where fast-xml-parser gives up on broken markup, or on depth that may come from end tags that lack. */
function attempt(parse: () => ParsedXml): ParsedXml | null {
  try {
    return parse();
  } catch {
    return null;
  }
}

/** Many attributes cost fast-xml-parser much; in a document of common size they cannot be so many. */
function hasHugeTag(xml: string): boolean {
  return xml.length > LARGE_CHARS && HUGE_TAG.test(xml);
}

const HUGE_TAG = new RegExp(`<[^<>]{${TAG_CHARS_MAX}}`);

/**
 * The root, if the parser made of the document what it says: fast-xml-parser does not compare end tags with start tags,
 * so a missing one shows in a second root, in a root that does not end, and in entries that are not where they belong.
 */
function soundRoot(xml: string, { nodes, leftOut }: ParsedXml, rawRoot: string, rootName: string): XmlNode | null {
  const elements = nodes.filter((node) => nameOf(node) !== '#text');
  const root = elements[0];
  if (root === undefined || elements.length > 1 || nameOf(root) !== rootName) return null;
  const children = nodesOf(root, rootName);
  if (xml.lastIndexOf(`</${rawRoot}`) === -1) return children.length === 0 && /^[^>]*\/>\s*$/.test(xml) ? root : null;
  if (rootName === 'entry') return root;
  const entry = rootName === 'feed' ? 'entry' : 'item';
  return endTags(xml, entry) - leftOut > count(children, entry) ? null : root;
}

function endTags(xml: string, name: string): number {
  const tag = `</${name}`;
  let found = 0;
  for (let at = xml.indexOf(tag); at !== -1; at = xml.indexOf(tag, at + tag.length)) {
    const next = xml.charCodeAt(at + tag.length);
    if (next === 62 || next <= 32) found += 1;
  }
  return found;
}

/** Entries under the root and under its `channel`. */
function count(nodes: Nodes, entry: string): number {
  let found = 0;
  for (const node of nodes) {
    const name = nameOf(node);
    if (name === entry) found += 1;
    else if (name === 'channel') found += nodesOf(node, name).filter((child) => nameOf(child) === entry).length;
  }
  return found;
}
