import type { Page, Visit } from '../visit.ts';
import { addForm } from './add.ts';
import { html } from './html.ts';
import { opmlForm } from './opml.ts';

/** The first visit: nothing is followed yet. */
export function welcomePage(_visit: Visit): Page {
  const main = html`<div class="welcome">
<h1>Welcome to Feedferry</h1>
<p class="lead">Feedferry fetches the sites that you follow and keeps their articles here, ready to read. Nothing is
followed yet.</p>
<section aria-labelledby="first-add"><h2 id="first-add">Follow a site</h2>
<p>Give the address of a blog, a news site or a feed. Feedferry finds the feed by itself.</p>
${addForm({ input: '', folder: '', folders: [] })}</section>
<section aria-labelledby="first-import"><h2 id="first-import">Or bring your feeds along</h2>
<p>Most feed readers can export what you follow as an OPML file. Choose it here, and all of it is followed at once.</p>
${opmlForm()}</section>
</div>`;
  return { title: 'Welcome', main, place: 'all', noShelf: true };
}
