import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { read, run } from '../../vm/command.ts';
import { ensure, type Artefact, type Say } from '../../vm/artefacts/cache.ts';

/** What a virtual machine finds at /usr/lib/lab: the lab's programs, and containerd's store, which is written to: attach a snapshot. File: `lab.img`. */
export const labDisk = (programs: Artefact, stores: Artefact, say: Say): Promise<Artefact> =>
  ensure(
    {
      name: 'first-boot-disk',
      sources: [import.meta.url],
      from: [programs, stores],
      async build(dir) {
        const root = join(dir, 'root');
        const file = join(dir, 'lab.img');
        await mkdir(root);
        await run('cp', ['-al', `${programs.path('root')}/.`, stores.path('containerd'), root]);
        const kib = Number((await read('du', ['-sk', root])).split('\t')[0]);
        await run('truncate', ['-s', `${Math.ceil(kib * 1.1) + 512 * 1024}K`, file]);
        await run('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', root, file]);
        await rm(root, { recursive: true });
      },
    },
    say,
  );
