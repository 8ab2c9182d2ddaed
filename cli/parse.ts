import type { CommandSpec } from './command.ts';
import { EXIT } from './exit.ts';
import { readInput } from './files.ts';
import { write } from './io.ts';

/** More than the parser takes, so that its own limit speaks. */
const INPUT_BYTES_MAX = 64 * 1024 ** 2;

export const parseCommand: CommandSpec = {
  usage: 'parse <file>',
  about: 'print the normalised feed in a file as JSON (its shape: docs/parsed-feed.schema.json)',
  args: { file: 'RSS, Atom or JSON Feed; - reads standard input' },
  options: [
    ['--base <URL>', 'where the file came from; relative links are resolved against it'],
    ['--content-type <TYPE>', 'the Content-Type that it came with, such as "text/xml; charset=koi8-r"'],
  ],
  json: 'the feed on one line, errors as JSON',
  settings: [],
  examples: [
    'feedferry parse feed.xml --base https://example.org/feed.xml',
    'curl -s https://example.org/feed.xml | feedferry parse - --json',
  ],
  async run({ io, json, args, options }) {
    const { parseFeed } = await import('../crawler/parse/parse.ts');
    const body = await readInput(args[0] ?? '-', io, INPUT_BYTES_MAX);
    const url = options.base as string | undefined;
    const contentType = options.contentType as string | undefined;
    const feed = parseFeed({
      body,
      ...(url === undefined ? {} : { url }),
      ...(contentType === undefined ? {} : { contentType }),
    });
    await write(io.stdout, `${JSON.stringify(feed, null, json ? undefined : 2)}\n`);
    return EXIT.done;
  },
};
