import { addPerson, plain, type Reading } from './reading.ts';
import { type Nodes, nameOf, rawOf, textOf } from './xml.ts';

/** A person's `name`, else `email`, else `uri`, else what text there is (RFC 4287 section 3.2). */
export function addAtomPerson(authors: string[], nodes: Nodes, reading: Reading): void {
  let name = '';
  let email = '';
  let uri = '';
  for (const node of nodes) {
    const child = nameOf(node);
    if (child === 'name' || child === 'atom:name') name ||= plain(rawOf(node, child), reading);
    else if (child === 'email' || child === 'atom:email') email ||= plain(rawOf(node, child), reading);
    else if (child === 'uri' || child === 'url' || child === 'homepage') uri ||= plain(rawOf(node, child), reading);
  }
  const text = name || email || uri;
  addPerson(authors, text !== '' ? text : nodes.some((node) => nameOf(node) !== '#text') ? '' : textOf(nodes));
}
