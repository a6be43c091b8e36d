import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { temporaryFolder } from '../host/files.ts';
import { openHost } from '../host/host.ts';
import { openLog } from '../log/log.ts';
import { openStore } from './store.ts';

await test('images() removes an image that a killed pull left without its manifest, says so, and lists the others', async () => {
  await using folder = await temporaryFolder(tmpdir(), 'store-');
  const lines: string[] = [];
  const host = openHost({
    log: openLog({
      program: 'test',
      write: (line) => {
        lines.push(line);
      },
    }),
    env: process.env,
  });
  const where = { root: join(folder.path, 'storage'), runRoot: join(folder.path, 'run') };
  const store = openStore(host, where);
  try {
    for (const name of ['whole', 'half', 'other']) {
      await writeFile(join(folder.path, name), name);
      await host.run('tar', ['--create', '--file', join(folder.path, 'layer.tar'), '--directory', folder.path, name]);
      await store.podman(['import', '--quiet', join(folder.path, 'layer.tar'), `localhost/${name}:1`]);
    }
    // What stands there between two writes of a pull: the image is recorded, its manifest is not.
    const records = join(where.root, 'overlay-images/images.json');
    type Image = {
      id: string;
      names: string[];
      'big-data-names': string[];
      'big-data-sizes': Record<string, number>;
      'big-data-digests': Record<string, string>;
    };
    const images = JSON.parse(await readFile(records, 'utf8')) as Image[]; // written by podman a moment ago
    const half = images.find(({ names }) => names[0] === 'localhost/half:1');
    assert.ok(half !== undefined);
    const without = <T>(of: Record<string, T>): Record<string, T> =>
      Object.fromEntries(Object.entries(of).filter(([name]) => !name.startsWith('manifest')));
    half['big-data-names'] = half['big-data-names'].filter((name) => !name.startsWith('manifest'));
    half['big-data-sizes'] = without(half['big-data-sizes']);
    half['big-data-digests'] = without(half['big-data-digests']);
    await writeFile(records, JSON.stringify(images));
    await rm(join(where.root, 'overlay-images', half.id, 'manifest'), { force: true });

    assert.deepEqual((await store.images()).flatMap(({ names }) => names).sort(), [
      'localhost/other:1',
      'localhost/whole:1',
    ]);
    assert.match(
      lines.join(''),
      new RegExp(`image ${half.id.slice(0, 12)} was left half-made by a pull that was killed; it is removed`),
    );
  } finally {
    await host.run('umount', [join(where.root, 'overlay')], { okStatuses: [0, 1, 32] });
  }
});
