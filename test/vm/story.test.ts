import assert from 'node:assert/strict';
import { test } from 'tap';
import { openStory, wrapped } from './story.ts';

await test('wrapped() indents what follows like the text after the first gap, and breaks words that are too long', async () => {
  assert.deepEqual(wrapped('images   one two three four', 16), ['images   one two', '         three', '         four']);
  assert.deepEqual(wrapped('✔ one two', 7), ['✔ one', '  two']);
  assert.deepEqual(wrapped('abcdefgh', 5), ['abcde', 'fgh']);
});

await test('no line of a story is wider than a terminal, and a step is named once', async () => {
  const written: string[] = [];
  const story = openStory((text) => written.push(text));
  story.title('Install', '2. Install');
  story.say(`deployment    ${'rhcos '.repeat(30)}${'a'.repeat(100)}`);
  story.glimpse('step 1/19 read-config: Read and check the configuration');
  story.glimpse(`step 1/19 read-config: ${'seed '.repeat(40)}`);
  story.glimpse('step 1/19 read-config: done in 0.6 s');
  story.glimpse('step 2/19 check-machine: done in 9.6 s');
  const lines = written.join('').split('\n');
  for (const line of lines) assert.ok(line.length <= 80, line);
  const texts = lines.map((line) => line.slice(8));
  assert.deepEqual(texts.filter((text) => text.includes('read-config')).length, 1);
  assert.equal(texts.at(-2), '   2/19 check-machine: done in 9.6 s');
  assert.match(story.summary(), /^ {2}Install +0 s\n {2}Total +0 s\n$/);
});
