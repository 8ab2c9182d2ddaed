import type { Page } from '../visit.ts';
import { html, NOTHING } from './html.ts';

export interface Trouble {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly advice: string;
  /** The store takes no writes for now. */
  readonly isReadOnly: boolean;
}

/** What a person sees when something went wrong: what, and what to do. */
export function troublePage(trouble: Trouble): Page {
  const { status, code, message, advice, isReadOnly } = trouble;
  const title = isReadOnly ? 'Read-only for the moment' : headline(status);
  const main = html`<div class="narrow trouble-page">
<h1>${title}</h1>
${
  isReadOnly
    ? html`<p class="lead">You can go on reading, but nothing can be changed here just now: this site is a copy of another one, or is being moved or maintained. What you pressed was not carried out. Try again in a few minutes, or at the other site.</p>`
    : html`<p class="lead">${message}</p>${advice === '' ? NOTHING : html`<p>${advice}</p>`}`
}
<p><a class="button button-strong" href="/">To the articles</a></p>
<p class="muted">Code <code>${code}</code></p>
</div>`;
  return { title, main, place: null, status, noShelf: true };
}

function headline(status: number): string {
  if (status === 404) return 'Not found';
  if (status === 403) return 'Refused';
  if (status === 405) return 'Not possible';
  if (status === 413) return 'Too large';
  if (status === 421) return 'Unknown host';
  if (status === 503) return 'Not available at the moment';
  return status >= 500 ? 'Something went wrong' : 'That did not work';
}
