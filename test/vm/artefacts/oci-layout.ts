import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../command.ts';

/** A layer whose blob is already in the layout. */
export type Layer = { readonly digest: string; readonly sizeBytes: number; readonly diffId: string };

export type ImageFacts = {
  tag: string;
  architecture?: string;
  labels?: Readonly<Record<string, string>>;
  layers: readonly Layer[];
};

export type Written = { tag: string; digest: string; layers: readonly Layer[] };

const digestOf = (bytes: string | Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `sha256:${hash.digest('hex')}`;
}

const blobPath = (layout: string, digest: string): string => join(layout, 'blobs', digest.replace(':', '/'));

export async function createLayout(layout: string): Promise<void> {
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}

/** Compresses a tar file (which is used up) into the layout. Level 1: most of a seed is compressed already. */
export async function addLayer(layout: string, tarFile: string): Promise<Layer> {
  const diffId = await digestOfFile(tarFile);
  await run('pigz', ['-n', '-1', '-f', tarFile]);
  const packed = `${tarFile}.gz`;
  const digest = await digestOfFile(packed);
  const { size } = await stat(packed);
  await rename(packed, blobPath(layout, digest));
  return { digest, sizeBytes: size, diffId };
}

/** A layer out of the contents of a directory, with stable times and owners so that its digest depends on nothing else. */
export async function addDirectoryLayer(layout: string, directory: string): Promise<Layer> {
  const tarFile = join(layout, 'layer.tar');
  await rm(tarFile, { force: true });
  await run('tar', ['-C', directory, '--sort=name', '--mtime=2024-05-14', '--numeric-owner', '-cf', tarFile, '.']);
  return addLayer(layout, tarFile);
}

async function addJson(
  layout: string,
  mediaType: string,
  value: unknown,
): Promise<{ mediaType: string; digest: string; size: number }> {
  const text = JSON.stringify(value);
  const digest = digestOf(text);
  await writeFile(blobPath(layout, digest), text);
  return { mediaType, digest, size: Buffer.byteLength(text) };
}

/** Writes configs, manifests and the index of an OCI layout. Media types and history are those of `podman build` from scratch. */
export async function writeImages(layout: string, images: readonly ImageFacts[]): Promise<Written[]> {
  const manifests: unknown[] = [];
  const written: Written[] = [];
  for (const { tag, architecture = 'amd64', labels = {}, layers } of images) {
    const config = await addJson(layout, 'application/vnd.oci.image.config.v1+json', {
      created: '2024-05-14T00:00:00Z',
      architecture,
      os: 'linux',
      config: Object.keys(labels).length === 0 ? {} : { Labels: labels },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
      history: layers.map(() => ({
        created: '2024-05-14T00:00:00Z',
        created_by: '/bin/sh -c #(nop) COPY dir:. in / ',
      })),
    });
    const manifest = await addJson(layout, 'application/vnd.oci.image.manifest.v1+json', {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config,
      layers: layers.map((layer) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: layer.digest,
        size: layer.sizeBytes,
      })),
    });
    manifests.push({ ...manifest, annotations: { 'org.opencontainers.image.ref.name': tag } });
    written.push({ tag, digest: manifest.digest, layers });
  }
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  await writeFile(join(layout, 'images.json'), JSON.stringify(written));
  return written;
}
