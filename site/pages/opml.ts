import type { ImportResult, Site } from '../site.ts';
import type { Page, Visit } from '../visit.ts';
import { html, NOTHING, type Safe } from './html.ts';
import type { Trouble } from './trouble.ts';

/** `/opml`, and `/opml?result=ID` after an import. */
export function opmlPage(site: Site, visit: Visit, trouble: Trouble | null = null): Page {
  const result = site.imports.get(visit.query.text('result'));
  const { length } = visit.shelf.feeds;
  const main = html`<div class="narrow">
<h1>Import and export</h1>
${result === undefined ? NOTHING : resultBox(result)}
${trouble === null ? NOTHING : troubleBox(trouble)}
<section aria-labelledby="import"><h2 id="import">Import</h2>
<p>Nearly every feed reader can export what you follow as an OPML file. Folders and names are kept; what you follow
already stays as it is.</p>
${opmlForm()}</section>
<section aria-labelledby="export"><h2 id="export">Export</h2>
<p>${length === 0 ? 'There is nothing to export yet.' : html`All ${length === 1 ? 'that you follow' : `${length} feeds that you follow`}, with folders and names, for another reader or as a backup.`}</p>
${length === 0 ? NOTHING : html`<p><a class="button" href="/opml/export" download="feedferry.opml">Download the OPML file</a></p>`}</section>
</div>`;
  const page: Page = { title: 'Import and export', main, place: 'opml' };
  return trouble === null ? page : { ...page, status: trouble.status };
}

export function opmlForm(): Safe {
  return html`<form class="form" method="post" action="/opml" enctype="multipart/form-data">
<label for="opml-file">OPML file</label>
<input id="opml-file" name="file" type="file" required accept=".opml,.xml,text/xml,application/xml,text/x-opml">
<button class="button button-strong" type="submit">Import</button>
</form>`;
}

function troubleBox({ message, advice, code }: Trouble): Safe {
  return html`<div class="trouble-box" role="alert"><p><strong>The file could not be imported.</strong> ${advice}</p>
<p class="muted">${message} <code>${code}</code></p></div>`;
}

function resultBox({ entries, added, invalid, invalidCount }: ImportResult): Safe {
  const known = entries - added;
  return html`<div class="result-box" role="status">
<p><strong>${added === 1 ? 'One feed was added' : `${added} feeds were added`}</strong>${known === 0 ? '' : known === 1 ? '; one was followed already' : `; ${known} were followed already`}. Their articles arrive within the next minutes.</p>
${
  invalidCount === 0
    ? NOTHING
    : html`<p>${invalidCount === 1 ? 'One entry' : `${invalidCount} entries`} could not be taken:</p>
<ul class="wrap">${invalid.map(({ url, message }) => html`<li><code>${url === '' ? '(no address)' : url}</code> ${message}</li>`)}</ul>`
}
<p><a href="/feeds">See your feeds</a></p></div>`;
}
