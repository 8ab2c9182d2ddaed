/**
 * Writers of one kind can be shut out of a store, all of them and for as long as wanted, while others write on: crawlers
 * of a site that is paused. What stands before the colon of a writer's owner is its kind: `crawler: serve`.
 */

/** The note of `control` that shuts a kind of writers out while its value has `shut: true`. */
export function shutOutNote(kind: string): string {
  return `writers/${kind}`;
}

/** Null: none, which nothing shuts out. */
export function kindOf(owner: string): string | null {
  const at = owner.indexOf(': ');
  return at < 0 ? null : owner.slice(0, at);
}

/** `note`: as JSON, as engines keep it. */
export function isShut(note: string | undefined): boolean {
  if (note === undefined) return false;
  const value: unknown = JSON.parse(note);
  return typeof value === 'object' && value !== null && 'shut' in value && value.shut === true;
}
