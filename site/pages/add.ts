import type { Page, Visit } from '../visit.ts';
import { attribute, html, NOTHING, type Safe } from './html.ts';

export interface AddModel {
  readonly input: string;
  readonly folder: string;
  /** Names to choose from. */
  readonly folders: readonly string[];
  /** Why the last try failed, and what was found instead. */
  readonly trouble?: {
    readonly code: string;
    readonly message: string;
    readonly advice: string;
    readonly candidates: readonly Candidate[];
  };
}

export interface Candidate {
  readonly url: string;
  readonly title: string;
}

/** `/add`; `?url=` fills the field in, for bookmarks that hand over the page one is on. */
export function addPage(visit: Visit): Page {
  const folders = visit.shelf.folders.map((folder) => folder.name);
  return renderAdd({ input: visit.query.text('url'), folder: '', folders });
}

export function renderAdd(model: AddModel): Page {
  const { trouble } = model;
  const main = html`<div class="narrow">
<h1>Add a feed</h1>
${trouble === undefined ? NOTHING : trouble.candidates.length > 0 ? candidates(model, trouble.candidates) : troubleBox(model, trouble)}
${addForm(model)}
<p class="hint">The address of the site is enough: <q>example.org</q>. To follow many at once, <a href="/opml">import an OPML file</a>.</p>
</div>`;
  return { title: 'Add a feed', main, place: 'add', ...(trouble === undefined ? {} : { status: 422 }) };
}

export function addForm({ input, folder, folders, trouble }: AddModel): Safe {
  return html`<form class="form" method="post" action="/add">
<label for="add-url">Address of a site or feed</label>
<input id="add-url" name="url" type="text" inputmode="url" autocomplete="url" autocapitalize="off" spellcheck="false" required maxlength="2000" placeholder="https://" value="${input}"${
    trouble === undefined
      ? NOTHING
      : html` aria-describedby="add-trouble"${attribute('aria-invalid', trouble.candidates.length > 0 ? null : 'true')}`
  }>
${folders.length === 0 ? NOTHING : folderField('add-folder', folder, folders)}
<button class="button button-strong" type="submit">Add</button>
</form>`;
}

/** A folder's name, new or one of those there are. */
export function folderField(id: string, folder: string, folders: readonly string[]): Safe {
  return html`<label for="${id}">Folder <span class="muted">(optional)</span></label>
<input id="${id}" name="folder" type="text" maxlength="200" list="${id}-list" autocomplete="off" value="${folder}">
<datalist id="${id}-list">${folders.map((name) => html`<option value="${name}"></option>`)}</datalist>`;
}

function troubleBox(model: AddModel, trouble: NonNullable<AddModel['trouble']>): Safe {
  return html`<div class="trouble-box" id="add-trouble" role="alert">
<p><strong>This address could not be added:</strong> <span class="wrap" dir="ltr">${model.input}</span></p>
<p>${trouble.advice}</p>
<p class="muted">${trouble.message} <code>${trouble.code}</code></p>
</div>`;
}

function candidates(model: AddModel, all: readonly Candidate[]): Safe {
  return html`<section class="candidates" id="add-trouble" aria-labelledby="choose"><h2 id="choose">The site has ${all.length} feeds. Which one?</h2>
<ul>${all.map(
    ({
      url,
      title,
    }) => html`<li><form method="post" action="/add"><input type="hidden" name="url" value="${url}"><input type="hidden" name="folder" value="${model.folder}">
<div><strong dir="auto">${title === '' ? url : title}</strong><span class="muted wrap" dir="ltr">${url}</span></div>
<button class="button" type="submit">Add<span class="vh"> ${title === '' ? url : title}</span></button></form></li>`,
  )}</ul></section>`;
}
