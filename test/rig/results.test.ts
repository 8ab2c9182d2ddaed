import t from 'tap';
import { failureLines, fileLines, skipLines } from './report.ts';
import { type FileResult, readResults } from './results.ts';

const RUN = `TAP version 14
1..3
# Subtest: test/writer.test.ts
    # Subtest: a writer
        # Subtest: numbers its writes
            ok 1 - first
            not ok 2 - second
              ---
              diff: "-1 +2"
              ...
            not ok 3 - third
            1..3
        not ok 1 - numbers its writes
        # Subtest: is fenced
            ok 1 - yes
            1..1
        ok 2 - is fenced
        1..2
    not ok 1 - a writer
    # Subtest: on a server
        ok 1 - skipped # SKIP there is no server
        1..1
    ok 2 - on a server
    ok 3 - some day # SKIP not yet
    1..3
not ok 1 - test/writer.test.ts # time=1200ms

# Subtest: test/broken.test.ts
    1..0 # no tests found
not ok 2 - test/broken.test.ts # time=80ms
  ---
  exitCode: 1
  ...

# Subtest: test/fine.test.ts
    # Subtest: works
        ok 1 - yes
        1..1
    ok 1 - works
    # Subtest: throws nothing
        1..0
    ok 2 - throws nothing
    1..2
ok 3 - test/fine.test.ts # time=30ms

`;

function read(tap: string): { files: FileResult[]; outside: number } {
  const files: FileResult[] = [];
  const { stream, outside } = readResults((result) => files.push(result));
  stream.end(tap);
  return { files, outside: outside.failed };
}

t.test('every titled test counts once, in the file that it stands in', async (t) => {
  const [writer, broken, fine] = read(RUN).files;
  t.match(writer, { file: 'test/writer.test.ts', ms: 1200, passed: 1, failed: 1, skipped: 2 });
  t.match(fine, { passed: 2, failed: 0, skipped: 0 });
  t.match(broken, { passed: 0, failed: 1, skipped: 0 }, 'a file that breaks before its first test has failed');
});

t.test('every failed assertion is told with all its titles', async (t) => {
  const [writer] = read(RUN).files;
  if (!writer) throw new Error('no result');
  t.strictSame(
    writer.failures.map(({ titles }) => titles.join(' > ')),
    ['a writer > numbers its writes > second', 'a writer > numbers its writes > third'],
  );
  t.match(failureLines(writer), /FAILED: a writer > numbers its writes > second\n {4}-1 \+2/);
  t.match(fileLines(writer), /^FAIL test\/writer.test.ts {2}1 passed, 1 failed, 2 skipped {2}1\.2 s/);
});

t.test('skipped tests are gathered by their reason', async (t) => {
  const skips = read(RUN).files.flatMap((file) => file.skips.map((skip) => ({ ...skip, file: file.file })));
  const lines = skipLines([...skips, { file: 'test/other.test.ts', titles: ['too'], reason: 'not yet' }]);
  t.match(lines, 'SKIPPED because there is no server:\n  test/writer.test.ts: on a server');
  t.match(lines, 'SKIPPED because not yet:\n  test/writer.test.ts: some day\n  test/other.test.ts: too');
});

t.test('a run that was given up has failed', async (t) => {
  t.equal(read('TAP version 14\nBail out! no memory\n').outside, 1);
});
