import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t as file, test } from 'tap';
import { startFront } from '../../test/registry-front.ts';
import { digestOf, makeLayer, pushImage, pushManifest, startPeer } from '../../test/registry-peer.ts';
import { surroundings } from './test-surroundings.ts';
import { assertSame, verdictsOn, type Expected } from './test-verdicts.ts';

/*
 * Indexes and manifests: what our client and podman make of the same bytes. podman itself is the judge here: `skopeo inspect --raw` hands out
 * what it is given. The bytes come from a front, because docker-registry takes no broken ones; layers and configuration are real.
 */

file.setTimeout(0); // two processes a question; run by hand, a file has 30 s

const ociIndex = 'application/vnd.oci.image.index.v1+json';
const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';
const ociImage = 'application/vnd.oci.image.manifest.v1+json';
const own = { os: 'linux', architecture: 'amd64' };
const other = { os: 'linux', architecture: 'arm64' };
const absent = `sha256:${'0'.repeat(64)}`;

/** E, I and N stand for the entry of the image, the image's manifest and an index that holds it. */
type Row = readonly [name: string, body: unknown, type: string, expected?: Expected];

const asked = 'R/lab/app:odd';
const noVariant = (why: string): Expected => ({
  refused: ['image has no variant for linux/amd64', why, 'push an image for linux/amd64, or take another'],
});
const indexForm = (where: string): Expected => ({
  refused: [
    'image index has an unexpected form',
    `${where}: Invalid input`,
    'push the image again with a current tool',
  ],
});
const podmanOnly = (why: string, next = 'push the image again with a current tool'): Expected => ({
  alone: 'reads',
  refused: [`podman will not pull "${asked}", although its registry gives it`, why, next],
});
const withoutType = podmanOnly(
  'unsupported schema version 2',
  'let the registry send manifests with their own type as Content-Type',
);

test("indexes and manifests: our verdict is podman's", { timeout: 0 }, async (t) => {
  await using at = await surroundings();
  await using peer = await startPeer({ folder: join(at.folder, 'peer') });
  const pushed = await pushImage(peer, 'lab/app', '1', [await makeLayer({ x: 'x' })]);
  const image = JSON.parse(pushed.manifest.toString('utf8')) as Record<string, unknown> & { config: object };
  const entry = { mediaType: ociImage, digest: pushed.digest, size: pushed.manifest.length };
  const sha512 = `sha512:${createHash('sha512').update(pushed.manifest).digest('hex')}`;
  const index = (...manifests: readonly unknown[]): unknown => ({ schemaVersion: 2, mediaType: ociIndex, manifests });
  const nested = await pushManifest(
    peer,
    'lab/app',
    'nested',
    Buffer.from(JSON.stringify(index({ ...entry, platform: own }))),
    ociIndex,
  );
  const mine = { ...entry, platform: own };
  const stranger = (digest: unknown): unknown => ({ ...entry, digest, platform: other });

  const rows: Row[] = [
    ['an image', image, ociImage],
    ['an index', index(mine), ociIndex],
    ['an entry without platform before ours', index({ ...entry, digest: absent }, mine), ociIndex],
    ['an entry with a null platform before ours', index({ ...entry, digest: absent, platform: null }, mine), ociIndex],
    ['only an entry without platform', index(entry), ociIndex],
    ['only an entry with a null platform', index({ ...entry, platform: null }), ociIndex],
    ['an entry without platform behind a stranger', index(stranger(absent), entry), ociIndex],
    ['a null entry', index(null, mine), ociIndex],
    [
      'an entry without platform in a Docker list',
      { ...(index({ ...entry, digest: absent }, mine) as object), mediaType: dockerList },
      dockerList,
    ],
    [
      'only an entry without platform in a Docker list',
      { ...(index(entry) as object), mediaType: dockerList },
      dockerList,
      noVariant('its index names no platform'),
    ],
    ['a digest of sha512 beside ours', index(stranger(sha512), mine), ociIndex],
    ['a digest of an unknown kind beside ours', index(stranger('blake3:abcd'), mine), ociIndex],
    ['a digest that is none beside ours', index({ ...entry, digest: 'nonsense' }, mine), ociIndex],
    ['a null digest beside ours', index(stranger(null), mine), ociIndex],
    ['no digest beside ours', index({ mediaType: ociImage, platform: other }, mine), ociIndex],
    [
      'a digest of an unknown kind',
      index({ ...entry, digest: 'blake3:abcd', platform: own }),
      ociIndex,
      {
        refused: [
          'image for linux/amd64 cannot be verified',
          'its index names it by the digest "blake3:abcd"; known are sha256 and sha512',
          'push the image again with a current tool',
        ],
      },
    ],
    [
      'a digest of sha512',
      index({ ...entry, digest: sha512, platform: own }),
      ociIndex,
      podmanOnly(`Image manifest does not match selected manifest digest ${sha512}`),
    ],
    ['only another platform', index(stranger(pushed.digest)), ociIndex, noVariant('its index has linux/arm64')],
    [
      'only a variant',
      index({ ...entry, platform: { ...own, variant: 'v2' } }),
      ociIndex,
      noVariant('its index has linux/amd64/v2'),
    ],
    ['a null variant', index({ ...entry, platform: { ...own, variant: null } }), ociIndex],
    ['a variant before ours', index({ ...entry, digest: absent, platform: { ...own, variant: 'v3' } }, mine), ociIndex],
    ['the same platform twice', index(mine, { ...entry, digest: absent, platform: own }), ociIndex],
    [
      'an attestation before ours',
      index({ ...entry, digest: absent, platform: { os: 'unknown', architecture: 'unknown' } }, mine),
      ociIndex,
    ],
    ['no size', index({ mediaType: ociImage, digest: pushed.digest, platform: own }), ociIndex],
    ['no entries', index(), ociIndex, noVariant('its index names no platform')],
    [
      'an index of an index',
      index({ ...entry, digest: nested, mediaType: ociIndex, platform: own }),
      ociIndex,
      {
        refused: [`index of "${asked}" leads to another index`, undefined, 'push the image again with a current tool'],
      },
    ],
    ['no type of its own', { schemaVersion: 2, manifests: [mine] }, ociIndex],
    ['schema version 3', { ...(index(mine) as object), schemaVersion: 3 }, ociIndex],
    ['no schema version', { manifests: [mine] }, ociIndex],
    ['a number as digest', index(stranger(5), mine), ociIndex, indexForm('manifests.0.digest')],
    ['a text as entry', index('x', mine), ociIndex, indexForm('manifests.0')],
    [
      'a text as size',
      index({ ...mine, size: '5' }),
      ociIndex,
      podmanOnly(
        'parsing OCI1 index: json: cannot unmarshal string into Go struct field Descriptor.manifests.size of type int64',
      ),
    ],
    [
      'image and index in one',
      { ...image, manifests: [mine], mediaType: ociIndex },
      ociIndex,
      podmanOnly(
        'parsing OCI1 index: rejecting ambiguous manifest, unexpected fields []string{"config", "layers"} in supposedly application/vnd.oci.image.index.v1+json',
      ),
    ],
    [
      'an index called an image',
      index(mine),
      ociImage,
      podmanOnly(
        'rejecting ambiguous manifest, unexpected fields []string{"manifests"} in supposedly application/vnd.oci.image.index.v1+json',
      ),
    ],
    ['an index called a Docker list', index(mine), dockerList],
    ['a type with a character set', index(mine), `${ociIndex}; charset=utf-8`],
    ['plain text', index(mine), 'text/plain', withoutType],
    ['any JSON', image, 'application/json', withoutType],
    ['no type', image, '', withoutType],
    [
      'annotations and a subject',
      { ...image, annotations: { a: 'b' }, artifactType: 'x', subject: { ...entry, digest: absent } },
      ociImage,
    ],
    [
      'a configuration of another size',
      { ...image, config: { ...image.config, size: 1 } },
      ociImage,
      {
        refused: [
          `configuration of "${asked}" has 196 bytes, its manifest says 1`,
          undefined,
          'push the image again with a current tool',
        ],
      },
    ],
    [
      'schema version 1',
      { schemaVersion: 1, name: 'lab/app', fsLayers: [] },
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
      {
        refused: ['image manifest has schema version 1', undefined, 'push the image again with a current tool'],
      },
    ],
  ];

  let body = Buffer.alloc(0);
  let type = '';
  await using front = await startFront(peer, ({ path }) => {
    if (path.includes('sha512'))
      return { answer: 200, headers: { 'content-type': ociImage }, body: pushed.manifest.toString('utf8') };
    const isAsked = path.endsWith('/manifests/odd') || path.endsWith(digestOf(body));
    return isAsked
      ? { answer: 200, headers: type === '' ? {} : { 'content-type': type }, body: body.toString('utf8') }
      : 'pass';
  });
  mkdirSync(join(at.folder, '.config/containers'), { recursive: true });
  writeFileSync(
    join(at.folder, '.config/containers/registries.conf'),
    `[[registry]]\nlocation="${front.address}"\ninsecure=true\n`,
  );
  for (const [name, content, header, expected = {}] of rows)
    await t.test(`${name}: ${expected.refused === undefined ? 'read' : 'refused'}`, async () => {
      body = Buffer.from(JSON.stringify(content));
      type = header;
      const found = await verdictsOn(at, { image: asked.replace('R', front.address), podman: true });
      assertSame(found, expected, { R: front.address }, 'podman');
    });
});
