import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../command.ts';
import { tempDir } from '../resources.ts';
import { ensure, put, type Artefact, type Say } from './cache.ts';
import { kernelVersion } from './initramfs.ts';

/** Kernel arguments are edited in place by `coreos-installer iso kargs`, in an area of this many bytes. */
const areaBytes = 1024;
/** As on RHCOS: the largest embedded Ignition document, compressed. */
const ignitionBytes = 256 * 1024;

export const liveArguments =
  'console=ttyS0,115200n8 lab.live=iso:LABEL=LABLIVE coreos.liveiso=lab ignition.firstboot ignition.platform.id=metal';

/**
 * A live ISO for BIOS and UEFI with what `coreos-installer iso` looks for: the zeroed area images/ignition.img, the karg
 * area in grub.cfg (padded with a comment) and the JSON files that name both. File: `live.iso`.
 */
export async function iso(
  parts: { tree: Artefact; initramfs: Artefact; live: Artefact; metal: readonly Artefact[] },
  say: Say,
): Promise<Artefact> {
  return ensure(
    {
      name: 'iso',
      sources: [import.meta.url],
      from: [parts.tree, parts.initramfs, parts.live, ...parts.metal],
      async build(dir) {
        // beside the cache, so that the large parts are hard links and not copies
        await using work = await tempDir('iso', join(dir, '..'));
        const at = (path: string): string => join(work.path, path);
        for (const name of ['images/pxeboot', 'boot/grub', 'coreos']) await mkdir(at(name), { recursive: true });
        const version = await kernelVersion(parts.tree.path('root'));
        await link(parts.tree.path(`root/usr/lib/modules/${version}/vmlinuz`), at('images/pxeboot/vmlinuz'));
        await link(parts.initramfs.path('initramfs.img'), at('images/pxeboot/initrd.img'));
        await link(parts.live.path('root.squashfs'), at('images/root.squashfs'));
        for (const metal of parts.metal) await link(metal.path('metal.img.zst'), at(`images/${metal.name}.img.zst`));
        await put(at('images/ignition.img'), Buffer.alloc(ignitionBytes));
        await writeBootMenu(work.path);
        await run('grub-mkrescue', [
          '-o',
          join(dir, 'live.iso'),
          work.path,
          '--',
          '-volid',
          'LABLIVE',
          '-compliance',
          'iso_9660_level=1',
        ]);
      },
    },
    say,
  );
}

async function writeBootMenu(root: string): Promise<void> {
  const before =
    'set timeout=0\nserial --unit=0 --speed=115200\nterminal_output serial console\nmenuentry live {\n  linux /images/pxeboot/vmlinuz ';
  const area = `${liveArguments}\n`.padEnd(areaBytes, '#');
  await put(
    join(root, 'boot/grub/grub.cfg'),
    `${before}${area}\n  initrd /images/pxeboot/initrd.img /images/ignition.img\n}\n`,
  );
  const json = (name: string, value: unknown): Promise<void> => put(join(root, 'coreos', name), JSON.stringify(value));
  await json('kargs.json', {
    default: liveArguments,
    size: areaBytes,
    files: [{ path: 'boot/grub/grub.cfg', offset: before.length }],
  });
  await json('igninfo.json', { file: 'images/ignition.img' });
  await json('features.json', {
    'installer-config': true,
    'live-initrd-network': false,
    'installer-config-directives': {},
  });
}

export type Personalised = { ignition?: unknown; kernelArguments?: readonly string[] };

/** A copy of the ISO with an Ignition document and more kernel arguments, made by the real coreos-installer. */
export async function personaliseIso(
  source: string,
  target: string,
  installer: string,
  what: Personalised,
): Promise<void> {
  await rm(target, { force: true });
  await run('cp', ['--reflink=auto', source, target]);
  if (what.ignition !== undefined)
    await run(installer, ['iso', 'ignition', 'embed', target], { input: JSON.stringify(what.ignition) });
  const words = (what.kernelArguments ?? []).flatMap((word) => ['--append', word]);
  if (words.length > 0) await run(installer, ['iso', 'kargs', 'modify', ...words, target]);
}

/** The initramfs of a start without firmware: the ISO's own and the document behind it, as the real coreos-installer wraps it. */
export async function personaliseInitrd(
  source: string,
  target: string,
  installer: string,
  ignition: unknown,
): Promise<void> {
  await writeFile(`${target}.ign`, JSON.stringify(ignition));
  await run(installer, [
    'pxe',
    'ignition',
    'wrap',
    '--ignition-file',
    `${target}.ign`,
    '--output',
    `${target}.wrapped`,
  ]);
  await run('bash', ['-c', 'cat "$0" "$1" > "$2"', source, `${target}.wrapped`, target]);
}
