import { copyFile, cp, glob, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensure, type Artefact, type Say } from '../../vm/artefacts/cache.ts';

const lab = fileURLToPath(new URL('..', import.meta.url));
const yaml = fileURLToPath(new URL('../../../node_modules/yaml', import.meta.url));

/**
 * What a host of the lab has below /usr/lib/lab: kubelet, Node, and the programs that stand for those that Debian has not. It is a folder
 * of its own, so that a seed's OS need not carry what takes half a minute to write in emulation. Besides `root/`: `helpers/`, what mount(8)
 * of a host without ISO 9660 in its kernel needs.
 */
export async function programs(kubernetes: Artefact, say: Say): Promise<Artefact> {
  const texts = ['api.ts', ...(await Array.fromAsync(glob('guest/*.ts', { cwd: lab })))].sort();
  const executables = ['guest/cgroups', 'guest/mount.iso9660'];
  return ensure(
    {
      name: 'first-boot-programs',
      sources: [import.meta.url, ...[...texts, ...executables].map((name) => new URL(`../${name}`, import.meta.url))],
      inputs: { node: process.version },
      from: [kubernetes],
      async build(dir) {
        const root = join(dir, 'root');
        const bring = async (from: string, to: string): Promise<void> => {
          await mkdir(dirname(join(root, to)), { recursive: true });
          await copyFile(from, join(root, to));
        };
        await bring(kubernetes.path('kubelet'), 'kubelet');
        await bring(process.execPath, 'node');
        await bring(join(lab, 'guest/cgroups'), 'cgroups');
        for (const text of texts) await bring(join(lab, text), text);
        await cp(yaml, join(root, 'node_modules/yaml'), { recursive: true });
        await bring(join(lab, '../../package.json'), 'package.json');
        await bring(join(lab, 'guest/mount.iso9660'), '../helpers/sbin/mount.iso9660');
      },
    },
    say,
  );
}
