import type { ShownOverrides } from '../crawler/overrides.ts';
import { span } from './text.ts';

/** What is set for a feed, in one line and without secrets. */
export function overridesText({ userAgent, login, headers, origin, proxy, timeoutMs }: ShownOverrides): string {
  const secrets = [login ? 'a login' : '', headers.length === 0 ? '' : `headers ${headers.join(', ')}`].filter(Boolean);
  return [
    userAgent === null ? '' : `User-Agent "${userAgent}"`,
    secrets.length === 0 ? '' : `${secrets.join(' and ')} for ${origin} only`,
    proxy === null ? '' : `proxy ${proxy}`,
    timeoutMs === null ? '' : `timeout ${span(timeoutMs)}`,
  ]
    .filter(Boolean)
    .join('; ');
}
