import assert from 'node:assert/strict';
import { test } from 'tap';
import { parseSections, sectionOf } from './sections.ts';

await test('sections are split at their titles, and an empty one is empty', async () => {
  const sections = parseSections('noise\n=== failed\n\n=== status\n* rhcos a.0\n    origin\n\n=== end\n');
  assert.deepEqual(
    [...sections],
    [
      ['failed', ''],
      ['status', '* rhcos a.0\n    origin'],
      ['end', ''],
    ],
  );
  assert.equal(sectionOf(sections, 'status').split('\n').length, 2);
});

await test('an answer that breaks off is not taken for a whole one', async () => {
  assert.throws(() => parseSections('=== status\n* rhcos a.0\n'), /has not told everything: status/);
  assert.throws(() => sectionOf(parseSections('=== end\n'), 'journal'), /nothing about "journal"/);
});
