import assert from 'node:assert/strict';
import { test } from 'tap';
import { decideReleaseRegistry, movedContainer } from './release-registry.ts';

const other = 'registry.other.example';
const rows: readonly (readonly [
  sources: readonly string[],
  mirrored: boolean,
  site: string,
  moves: boolean,
  why: RegExp,
])[] = [
  [[], false, 'mirror.example:5000', false, /neither seed nor site has mirrors/],
  [[], true, 'mirror.example:5000', true, /the seed's mirror "quay.io" is not here/],
  [[], true, 'quay.io', false, /seed and site both use "quay.io"/],
  [[], true, '', false, /the site names no release registry/],
  [['quay.io'], false, 'mirror.example:5000', false, /the site mirrors the seed's registry "quay.io"/],
  [['quay.io', other], true, 'mirror.example:5000', false, /the site mirrors the seed's registry/],
  [[other], false, 'mirror.example:5000', true, /the site has no mirror for the seed's registry "quay.io"/],
  [[other], true, 'mirror.example:5000', true, /the site has no mirror/],
  [[other], true, 'quay.io', false, /both use/],
  [[other], false, '', false, /names no release registry/],
];

for (const [sources, mirrored, site, moves, why] of rows)
  test(`mirrors of ${sources.join(' and ') || 'nothing'}, seed ${mirrored ? 'with' : 'without'} mirrors, site "${site}": the release ${moves ? 'moves' : 'stays'}`, async () => {
    const decision = decideReleaseRegistry(sources, {
      seed: { release_registry: 'quay.io', mirror_registry_configured: mirrored },
      site: { release_registry: site },
    });
    assert.equal(decision.moves, moves);
    assert.match(decision.why, why);
  });

test('a seed that does not say its registry is left alone', async () => {
  const facts = { seed: { release_registry: '', mirror_registry_configured: true }, site: { release_registry: 'm' } };
  assert.equal(decideReleaseRegistry([], facts).moves, false);
});

test('the container keeps its other arguments, and a longer registry name is another registry', async () => {
  assert.deepEqual(
    movedContainer(
      { name: 'c', image: 'quay.io/a@sha256:1', args: ['start', '--release-image=quay.io/a@sha256:1', '--v=2'] },
      'quay.io',
      'm:5000',
    ),
    {
      name: 'c',
      image: 'm:5000/a@sha256:1',
      args: ['start', '--release-image=m:5000/a@sha256:1', '--v=2'],
    },
  );
  assert.equal(movedContainer({ name: 'c', image: 'quay.io.example/a' }, 'quay.io', 'm')['image'], 'quay.io.example/a');
});
