import assert from 'node:assert/strict';
import { test } from 'tap';
import { randomFrom } from '../../test/random.ts';
import { schedulePulls, type PlannedImage } from './pull-plan.ts';

const layer = (digest: string, size: number) => ({ digest, size });
const image = (name: string, layers: PlannedImage['layers'], imageId: string | undefined = name): PlannedImage => ({
  name,
  layers,
  imageId: layers === undefined ? undefined : imageId,
  repository: name,
});

test('for 2,000 random lists no two running pulls share a missing layer, every image is pulled and bytes are the unique ones', async () => {
  for (let seed = 1; seed <= 2000; seed += 1) {
    const random = randomFrom(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const pool = Array.from({ length: 1 + below(12) }, (_, index) => layer(`l${index}`, 1 + below(1000)));
    const images = Array.from({ length: 1 + below(12) }, (_, index): PlannedImage => {
      const known = below(6) > 0;
      return {
        name: `i${index}`,
        repository: `r${below(3)}`,
        imageId: known ? `id${below(10)}` : undefined,
        layers: known ? pool.filter(() => random() < 0.4) : undefined,
      };
    });
    const present = new Set(pool.filter(() => random() < 0.2).map(({ digest }) => digest));
    const schedule = schedulePulls(images, present);
    const threads = 1 + below(5);
    const running: PlannedImage[] = [];
    const fetched: string[] = [];
    const doneNames = new Set<string>();
    let failuresLeft = 5;
    for (let turn = 0; doneNames.size < images.length; turn += 1) {
      assert.ok(turn < 1000, `seed ${seed} does not end`);
      const next = running.length < threads ? schedule.next() : undefined;
      if (next !== undefined) {
        const missing = schedule.missing(next).map(({ digest }) => digest);
        for (const other of running) {
          assert.ok(
            !schedule.missing(other).some(({ digest }) => missing.includes(digest)),
            `seed ${seed}: ${next.name} and ${other.name} share a missing layer`,
          );
          assert.ok(next.imageId === undefined || next.imageId !== other.imageId, `seed ${seed}: one image twice`);
          assert.ok(
            (next.layers !== undefined && other.layers !== undefined) || next.repository !== other.repository,
            `seed ${seed}: unread manifests of one repository`,
          );
        }
        running.push(next);
        continue;
      }
      const [ending] = running.splice(below(running.length), 1);
      assert.ok(ending, `seed ${seed}: nothing runs and nothing starts`);
      if (failuresLeft > 0 && random() < 0.2) {
        failuresLeft -= 1;
        schedule.failed(ending);
        schedule.again(ending);
        continue;
      }
      fetched.push(...schedule.missing(ending).map(({ digest }) => digest));
      schedule.done(ending);
      doneNames.add(ending.name);
    }
    assert.equal(new Set(fetched).size, fetched.length, `seed ${seed}: a layer was fetched twice`);
    const bytes = fetched.reduce((sum, digest) => sum + (pool.find((each) => each.digest === digest)?.size ?? 0), 0);
    assert.equal(bytes, schedule.totalBytes, `seed ${seed}`);
  }
});

test('the shared base comes first, with the image that adds least to it', async () => {
  const base = layer('base', 100);
  const schedule = schedulePulls(
    [image('large', [base, layer('a', 500)]), image('small', [base, layer('b', 1)]), image('alone', [layer('c', 900)])],
    new Set(),
  );
  assert.equal(schedule.next()?.name, 'small');
  assert.equal(schedule.next()?.name, 'alone');
  assert.equal(schedule.next(), undefined);
});

test('a failed pull frees its layers for others before it is tried again', async () => {
  const base = layer('base', 100);
  const first = image('first', [base]);
  const second = image('second', [base, layer('own', 1)]);
  const schedule = schedulePulls([first, second], new Set());
  assert.equal(schedule.next(), first);
  assert.equal(schedule.next(), undefined);
  schedule.failed(first, new Set());
  assert.equal(schedule.next(), second);
  schedule.again(first);
  assert.equal(schedule.next(), undefined);
});
