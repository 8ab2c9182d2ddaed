import { XMLParser } from 'fast-xml-parser';
import { decodeEntities, type OwnEntities } from './entities.ts';
import { DEPTH_MAX, ELEMENTS_MAX, ENTRIES_MAX } from './limits.ts';
import { canonicalName } from './namespaces.ts';

/** A node as fast-xml-parser hands it over: its first key is the element's name (or `#text`), `:@` its attributes. */
export type XmlNode = Readonly<Record<string, unknown>>;
export type Nodes = readonly XmlNode[];
export type Attributes = Readonly<Record<string, string | undefined>>;

const NO_NODES: Nodes = [];
const NO_ATTRIBUTES: Attributes = {};
const TEXT = '#text';

/**
 * Elements that hold a text or a body. What is in them is not parsed but handed over as it stands in the document:
 * bodies keep the order of their markup, stray tags in them cannot upset the structure, and it is twice as fast.
 */
export const TEXT_ELEMENTS: ReadonlySet<string> = new Set(
  `title description link guid pubdate lastbuilddate content:encoded encoded body xhtml:body category comments
  language generator copyright docs managingeditor webmaster ttl hour day rating
  id updated published modified issued created summary content subtitle tagline info rights name email uri url homepage
  icon logo width height
  dc:title dc:description dc:creator dc:author dc:date dc:subject dc:language dc:identifier dc:publisher dc:rights
  dcterms:created dcterms:issued dcterms:modified dcterms:valid
  itunes:author itunes:summary itunes:subtitle itunes:keywords itunes:duration itunes:explicit itunes:title
  itunes:new-feed-url itunes:name itunes:email itunes:episodetype itunes:episode itunes:season itunes:order
  media:title media:description media:text media:credit media:keywords media:category media:copyright media:rating
  sy:updateperiod sy:updatefrequency sy:updatebase slash:comments slash:section slash:department slash:hit_parade
  wfw:commentrss wfw:comment feedburner:origlink feedburner:origenclosurelink webfeeds:icon webfeeds:logo
  atom:title atom:summary atom:content atom:updated atom:published atom:id atom:name atom:email atom:uri`
    .trim()
    .split(/\s+/),
);

const STOP_NODES = Array.from(TEXT_ELEMENTS, (name) => `..${name}`);

/** Parsers kept, one for each set of renamed prefixes; and the names each remembers. */
const PARSERS_MAX = 32;
const NAMES_MAX = 1_000;
const parsers = new Map<string, XMLParser>();

/** The document that is being parsed: parsing is synchronous. */
interface Parsing {
  readonly own: OwnEntities | null;
  readonly elementsMax: number;
  elements: number;
  entries: number;
  leftOut: number;
}

const NOTHING: Parsing = { own: null, elementsMax: ELEMENTS_MAX, elements: 0, entries: 0, leftOut: 0 };
let parsing = NOTHING;

export interface ParsedXml {
  readonly nodes: Nodes;
  /** Entries past the limits. */
  readonly leftOut: number;
}

const entityDecoder = {
  decode: (text: string): string => decodeEntities(text, parsing.own),
  reset(): void {},
  setXmlVersion(): void {},
  setExternalEntities(): void {},
  addInputEntities(): void {},
};

/**
 * Parses XML without its DOCTYPE. Names are canonical (see namespaces.ts). Throws plain errors where the
 * markup is broken or nests deeper than DEPTH_MAX: then `balance.ts` has a go at it.
 */
export function parseXml(
  xml: string,
  renamed: ReadonlyMap<string, string>,
  own: OwnEntities | null,
  elementsMax = ELEMENTS_MAX,
): ParsedXml {
  const mine = { ...NOTHING, own, elementsMax };
  parsing = mine;
  try {
    return { nodes: parserFor(renamed).parse(xml) as Nodes, leftOut: mine.leftOut };
  } finally {
    parsing = NOTHING;
  }
}

/** Asked at each start tag: what is not kept is let go as soon as it was read, however much of it there is. */
function isKept(name: string): boolean {
  parsing.elements += 1;
  if (name !== 'item' && name !== 'entry') return parsing.elements <= 2 * parsing.elementsMax;
  parsing.entries += 1;
  if (parsing.entries <= ENTRIES_MAX && parsing.elements <= parsing.elementsMax) return true;
  parsing.leftOut += 1;
  return false;
}

function parserFor(renamed: ReadonlyMap<string, string>): XMLParser {
  const key = Array.from(renamed, ([from, to]) => `${from}=${to}`)
    .sort()
    .join(' ');
  let parser = parsers.get(key);
  if (parser === undefined) {
    if (parsers.size >= PARSERS_MAX) parsers.clear();
    // Copies, as below: a piece of a document keeps the whole of it in memory.
    parser = makeParser(new Map(Array.from(renamed, ([from, to]) => [copyOf(from), copyOf(to)])));
    parsers.set(key, parser);
  }
  return parser;
}

function makeParser(renamed: ReadonlyMap<string, string>): XMLParser {
  return new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    allowBooleanAttributes: false,
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: true,
    jPath: false,
    ignoreDeclaration: true,
    ignorePiTags: true,
    strictReservedNames: false,
    maxNestedTags: DEPTH_MAX,
    stopNodes: STOP_NODES,
    entityDecoder,
    updateTag: isKept,
    // An empty element comes with its slash: `br/`.
    transformTagName: remembered((raw) =>
      raw.endsWith('/') ? `${canonicalName(raw.slice(0, -1), renamed)}/` : canonicalName(raw, renamed),
    ),
    transformAttributeName: remembered((raw) => canonicalName(raw, NO_RENAMED)),
  });
}

const NO_RENAMED: ReadonlyMap<string, string> = new Map();

/** A bounded memory for a pure function of a name. */
function remembered(compute: (raw: string) => string): (raw: string) => string {
  const known = new Map<string, string>();
  return (raw) => {
    const hit = known.get(raw);
    if (hit !== undefined) return hit;
    const value = compute(raw);
    // A piece of a document keeps the whole document in memory: remember a copy.
    if (known.size < NAMES_MAX && raw.length < 100) known.set(copyOf(raw), copyOf(value));
    return value;
  };
}

function copyOf(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

export function nameOf(node: XmlNode): string {
  for (const key in node) return key;
  return TEXT;
}

export function nodesOf(node: XmlNode, name: string): Nodes {
  const nodes = node[name];
  return Array.isArray(nodes) ? nodes : NO_NODES;
}

export function attributesOf(node: XmlNode): Attributes {
  return (node[':@'] as Attributes | undefined) ?? NO_ATTRIBUTES;
}

/** Of a text element: what is between its tags, as it stands in the document. */
export function rawOf(node: XmlNode, name: string): string {
  const value = nodesOf(node, name)[0]?.[TEXT];
  return typeof value === 'string' ? value : '';
}

/** Of any other element: its text and that of the elements in it, decoded. */
export function textOf(nodes: Nodes): string {
  let text = '';
  for (const node of nodes) {
    const name = nameOf(node);
    const value = node[name];
    text += typeof value === 'string' ? value : textOf(nodesOf(node, name));
  }
  return text;
}
