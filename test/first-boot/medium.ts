import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { read, run, type Result } from '../vm/command.ts';
import { attachLoop, tempDir, type LoopDevice } from '../vm/resources.ts';

/*
 * Config media. The host's udev does not run, so the lab does its work: a node in /dev, an entry in udev's database (where lsblk has labels from,
 * and nowhere else) and the link by label.
 */

/** Files of a medium by their path on it; undefined takes one away that was there by default. */
export type MediumFiles = Readonly<Record<string, string | undefined>>;

export type MediumOptions = {
  /** Default: cluster-config. */
  readonly label?: string;
  /** Whether the file system is in a partition of the device. Default: it is the whole device. */
  readonly partitioned?: boolean;
  /** An image instead of one made of the files. */
  readonly image?: string;
};

/** A device that is attached to the machine, whether the host runs or not. */
export type Medium = AsyncDisposable & {
  /** `loop7` or `loop7p1`: what bears the label. */
  readonly name: string;
  readonly label: string;
  /** All nodes, the whole device first. */
  readonly nodes: readonly { readonly path: string; readonly numbers: string }[];
};

/** Attaches a medium. `databases` is the folder that the host sees as /run/udev/data. */
export async function attachMedium(
  files: MediumFiles,
  databases: string,
  { label = 'cluster-config', partitioned = false, image }: MediumOptions = {},
): Promise<Medium> {
  await using made = new AsyncDisposableStack();
  const { path: dir } = made.use(await tempDir('medium'));
  const iso = image ?? (await makeIso(join(dir, 'tree'), join(dir, 'medium.iso'), files, label));
  const file = partitioned ? await inPartition(join(dir, 'disk.img'), iso) : iso;
  const loop = made.use(await attachLoop(file, { readOnly: true }));
  const nodes = [await nodeOf(loop.device), ...(partitioned ? [await nodeOf(loop.part(1))] : [])];
  for (const { numbers } of nodes) {
    const path = join(databases, `b${numbers}`);
    await writeFile(path, '');
    made.defer(() => rm(path, { force: true }));
  }
  const bearer = nodes.at(-1);
  if (bearer === undefined) throw new Error('a medium without a device');
  await writeFile(
    join(databases, `b${bearer.numbers}`),
    [
      `E:ID_FS_LABEL=${label}`,
      `E:ID_FS_LABEL_ENC=${label}`,
      'E:ID_FS_TYPE=iso9660',
      'E:ID_FS_USAGE=filesystem',
      '',
    ].join('\n'),
  );
  const held = made.move();
  return {
    name: partitioned ? `${loop.name}p1` : loop.name,
    label,
    nodes,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Makes what udev would make of it in a host that runs. */
export async function showMedium({ nodes, name, label }: Medium, inside: RunInside): Promise<void> {
  const steps = nodes.map(({ path, numbers }) => `[ -b ${path} ] || mknod ${path} b ${numbers.replace(':', ' ')}`);
  const link = `/dev/disk/by-label/${label}`;
  await inside('bash', ['-ec', `${steps.join('\n')}\nmkdir -p ${dirname(link)}\nln -sf ../../${name} ${link}`]);
}

export async function hideMedium({ nodes, label }: Medium, inside: RunInside): Promise<void> {
  // a device that was there at the boot is bound over its name
  const steps = nodes.map(({ path }) => `! mountpoint -q ${path} || umount ${path}; rm -f ${path}`);
  await inside('bash', ['-ec', [`rm -f /dev/disk/by-label/${label}`, ...steps].join('\n')]);
}

type RunInside = (program: string, args: readonly string[]) => Promise<Result>;

/** ISO 9660 with Rock Ridge, as the installer makes it. */
export async function makeIso(
  tree: string,
  iso: string,
  files: MediumFiles,
  label = 'cluster-config',
): Promise<string> {
  await mkdir(tree, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    if (text === undefined) continue;
    if (path.endsWith('/')) await mkdir(join(tree, path), { recursive: true });
    else {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await writeFile(join(tree, path), text);
    }
  }
  await run('xorriso', ['-as', 'mkisofs', '-quiet', '-rational-rock', '-V', label, '-o', iso, tree]);
  return iso;
}

async function inPartition(disk: string, iso: string): Promise<string> {
  const { size } = await stat(iso);
  const mib = 1024 ** 2;
  await run('truncate', ['-s', String(Math.ceil(size / mib) * mib + 3 * mib), disk]);
  await run('sfdisk', ['--quiet', disk], { input: 'label: gpt\nstart=2048, type=L\n' });
  await run('dd', [`if=${iso}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=notrunc', 'status=none']);
  return disk;
}

async function nodeOf(path: LoopDevice['device']): Promise<{ path: string; numbers: string }> {
  const [major = '', minor = ''] = (await read('stat', ['--format', '%Hr %Lr', path])).split(' ');
  return { path, numbers: `${major}:${minor}` };
}
