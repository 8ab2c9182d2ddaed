import type { Scope } from '../reading.ts';
import { html, NOTHING, type Safe } from './html.ts';

/** The two-step button that marks a list read. `bound`: articles that arrive after this page stay unread. */
export function markAll(scope: Scope, unread: number, bound: number | null, returnTo: string): Safe {
  if (unread === 0 || bound === null) return NOTHING;
  return html`<details class="menu"><summary class="button">Mark all as read</summary>
<form class="menu-body" method="post" action="/mark-all-read">
<input type="hidden" name="until" value="${bound}"><input type="hidden" name="return" value="${returnTo}">
${scope.kind === 'feed' ? html`<input type="hidden" name="feed" value="${scope.feed}">` : NOTHING}
${scope.kind === 'folder' ? html`<input type="hidden" name="folder" value="${scope.folder}">` : NOTHING}
<p>${unread === 1 ? 'One article' : `${unread} articles`} will be marked as read. What arrives from now on stays unread.</p>
<button class="button button-strong" type="submit">Mark as read</button>
</form></details>`;
}

/** The choice between unread articles and all. */
export function unreadOrAll(isAll: boolean, unreadPath: string, allPath: string): Safe {
  const link = (href: string, text: string, isHere: boolean) =>
    html`<a href="${href}"${isHere ? html` aria-current="true"` : NOTHING}>${text}</a>`;
  return html`<nav class="choice" aria-label="Which articles">${link(unreadPath, 'Unread', !isAll)}${link(allPath, 'All', isAll)}</nav>`;
}
