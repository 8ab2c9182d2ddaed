import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';

const SCHEMA = join(import.meta.dirname, '../../../docs/parsed-feed.schema.json');

const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(SCHEMA, 'utf8')),
);

/** Where a value is not what `docs/parsed-feed.schema.json` says. */
export function againstSchema(value: unknown): string[] {
  if (validate(value)) return [];
  return (validate.errors ?? []).slice(0, 10).map((error) => `${error.instancePath}: ${error.message}`);
}
