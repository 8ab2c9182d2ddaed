/** Where `got` is not what `wanted` says; fields that `wanted` does not name may be anything. Times may be ISO 8601. */
export function differences(got: unknown, wanted: unknown, path = ''): string[] {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(got)) return [`${path}: not a list: ${JSON.stringify(got)}`];
    const short = got.length === wanted.length ? [] : [`${path}: ${got.length} in place of ${wanted.length}`];
    return [...short, ...wanted.flatMap((value, i) => differences(got[i], value, `${path}[${i}]`))];
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof got !== 'object' || got === null) return [`${path}: not an object: ${JSON.stringify(got)}`];
    const object = got as Record<string, unknown>;
    return Object.entries(wanted).flatMap(([key, value]) => differences(object[key], value, `${path}.${key}`));
  }
  const value = typeof wanted === 'string' && typeof got === 'number' ? Date.parse(wanted) : wanted;
  return Object.is(got, value) ? [] : [`${path}: ${JSON.stringify(got)} in place of ${JSON.stringify(wanted)}`];
}
