import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { addPartition, derivedUuid } from './extra-partition.ts';
import { formatPartition, isFormatted } from './format.ts';
import { growFileSystem, growRoot } from './grow.ts';
import { isMounted, mountTarget } from './mount-target.ts';
import { readTable } from './partitions.ts';
import { releaseDisk } from './release.ts';
import { settle } from './settle.ts';
import { parseStart } from './start.ts';
import { testDisk, writeCoreosLayout } from './test-disk.ts';
import { unmountTarget } from './unmount-target.ts';

const partUuid = derivedUuid('install-1', 'containers-partition');
const fsUuid = derivedUuid('install-1', 'containers-file-system');

for (const sectorBytes of [512, 4096]) {
  test(`a disk with ${sectorBytes}-byte sectors`, async (t) => {
    await t.test('is laid out, mounted and let go, and a second run finds its own work', async () => {
      await using lab = await testDisk({ mebibytes: 1536, sectorBytes });
      const { host, say, said, folder } = lab;
      const disk = await lab.disk();
      assert.equal(disk.sectorBytes, sectorBytes);
      await writeCoreosLayout(lab);
      await settle(host, disk);
      const wish = { start: parseStart('-600M'), label: 'var-lib-containers', number: 5, partUuid };

      const made = await addPartition(host, disk, wish, say);
      const startSector = ((1536 - 600) * 1024 * 1024) / sectorBytes;
      assert.deepEqual(
        [made.number, made.startSector, made.label, made.uuid],
        [5, startSector, 'var-lib-containers', partUuid],
      );
      assert.match(
        said.join('\n'),
        new RegExp(
          `partition 5 "var-lib-containers" made on disk "${disk.name}": start "-600M" is sector ${startSector}, sectors ${startSector} to `,
        ),
      );
      await formatPartition(host, disk, made, { partUuid, fsUuid }, say);
      assert.equal(await isFormatted(made.path ?? '', fsUuid), true);
      const root = await growRoot(host, disk, say);
      assert.equal(root.startSector + root.sectors, startSector, 'root reaches up to the new partition');

      const plan = {
        containers: { partUuid },
        root: join(folder, 'mnt'),
        containersAt: join(folder, 'containers'),
      } as const;
      await host.run('mkdir', ['-p', plan.root]);
      await host.mount(`${disk.path}p4`, plan.root);
      await mkdir(join(plan.root, 'boot'));
      await host.unmount(plan.root);

      const target = await mountTarget(host, disk, plan, say);
      await growFileSystem(host, target.root, say);
      await writeFile(join(target.containers, 'layer'), 'content');
      assert.equal(await isMounted(host, target), true);

      const again = await addPartition(host, disk, wish, say);
      assert.equal(again.number, 5);
      await formatPartition(host, disk, again, { partUuid, fsUuid }, say);
      await growRoot(host, disk, say);
      await mountTarget(host, disk, plan, say);
      assert.equal(
        await readFile(join(target.containers, 'layer'), 'utf8'),
        'content',
        'a finished file system is not made again',
      );

      await unmountTarget(host, target, say);
      await unmountTarget(host, target, say);
      assert.equal(await isMounted(host, target), false);
      assert.equal((await readTable(host, disk))?.partitions.length, 5);

      await mountTarget(host, disk, plan, say);
      const own = { root: plan.root, containers: plan.containersAt };
      const released = await releaseDisk(host, disk, { say, own });
      assert.match(released.tableDump ?? '', /name="var-lib-containers"/);
      assert.equal(await readTable(host, disk), undefined);
    });
  });
}
