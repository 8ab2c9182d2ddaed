import type { Fields } from '../input.ts';
import type { NoticeCode } from '../notices.ts';
import type { Site } from '../site.ts';
import type { Page, Visit } from '../visit.ts';

/** A form that was sent. */
export interface Sent {
  readonly fields: Fields;
  readonly params: Readonly<Record<string, string | undefined>>;
  /** The file of an upload. */
  readonly file: Uint8Array | null;
}

/** Where the browser goes next, or the page that asks again. */
export type Done =
  | { readonly to: string; readonly notice?: NoticeCode; readonly n?: number }
  | { readonly page: (visit: Visit) => Page };

/** What one button does. Throws coded errors; the server turns them into pages. */
export type Action = (site: Site, sent: Sent) => Promise<Done>;
