import type { Position } from '../store/contract.ts';
import { cursorText } from './input.ts';
import type { Scope } from './reading.ts';

/** From which list an article was opened; `starred` is no scope, as it knows no unread ones. */
export type Origin = Scope | { readonly kind: 'starred' };

/** The address of a list. */
export function listPath(scope: Scope, query: { showAll?: boolean; before?: Position | null } = {}): string {
  const params = new URLSearchParams();
  if (scope.kind === 'folder') params.set('folder', scope.folder);
  if (query.showAll) params.set('show', 'all');
  if (query.before) params.set('before', cursorText(query.before));
  return withParams(scope.kind === 'feed' ? `/feeds/${scope.feed}` : '/', params);
}

export function originPath(origin: Origin): string {
  return origin.kind === 'starred' ? '/starred' : listPath(origin);
}

/** The address of an article, with the list it was opened from, so that "next" stays within that list. */
export function articlePath(id: string, origin: Origin): string {
  const params = new URLSearchParams();
  if (origin.kind !== 'all') params.set('in', origin.kind);
  if (origin.kind === 'folder') params.set('folder', origin.folder);
  return withParams(`/articles/${id}`, params);
}

export function withParams(path: string, params: URLSearchParams): string {
  return params.size === 0 ? path : `${path}?${params}`;
}
