import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { Escape } from './seed-options.ts';

/*
 * Archives that no tar program would write. A ustar header is 512 bytes of text fields; forty lines here are shorter than
 * teaching GNU tar to misbehave.
 */

type Entry = { name: string; type: '0' | '1' | '2' | '5'; content?: string; target?: string };

function header({ name, type, content = '', target = '' }: Entry): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;
  block.write(name, 0, 100, 'latin1');
  block.write(octal(type === '5' ? 0o755 : 0o644, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(Buffer.byteLength(content), 12), 124);
  block.write(octal(1_715_644_800, 12), 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write(target, 157, 100, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function archive(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? '');
    return [header(entry), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const escaped = 'this file is outside of the target of its archive\n';

const tricks: Record<Escape, (top: string) => Entry[]> = {
  parent: (top) => [{ name: `${top}/${'../'.repeat(12)}lab-escape`, type: '0', content: escaped }],
  absolute: () => [{ name: '/lab-escape', type: '0', content: escaped }],
  symlink: (top) => [
    { name: `${top}/trap`, type: '2', target: '/' },
    { name: `${top}/trap/lab-escape`, type: '0', content: escaped },
  ],
  'symlink-relative': (top) => [
    { name: `${top}/trap`, type: '2', target: '../'.repeat(12) },
    { name: `${top}/trap/lab-escape`, type: '0', content: escaped },
  ],
  hardlink: (top) => [
    { name: `${top}/lab-escape`, type: '1', target: '/etc/hostname' },
    { name: `${top}/lab-escape`, type: '0', content: escaped },
  ],
  sibling: () => [{ name: 'lab-escape/lab-escape', type: '0', content: escaped }],
};

/** A gzip archive with one honest member below `top` and then the trick. */
export async function writeEvilArchive(file: string, top: string, escape: Escape): Promise<void> {
  const honest: Entry[] = [
    { name: `${top}/`, type: '5' },
    { name: `${top}/lab-honest`, type: '0', content: 'honest\n' },
  ];
  await writeFile(file, gzipSync(archive([...honest, ...tricks[escape](top)])));
}
