import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Firmware = 'bios' | 'uefi';

export type VirtualDisk = {
  serial: string;
  file: string;
  readOnly?: boolean;
  /** What is written to it is gone when the machine is off. */
  snapshot?: boolean;
  sectorSize?: 512 | 4096;
  /** Reached on so many paths, as SCSI disks with one WWN; without it the disk is a virtio disk. */
  paths?: number;
  /** World wide name of a SCSI disk, 16 hexadecimal digits; without it the paths have their serial number in common only. */
  wwn?: string;
};

export type MachineOptions = {
  firmware: Firmware;
  disks: readonly VirtualDisk[];
  /** Boots from this ISO, before any disk. */
  iso?: string;
  /** Where `registry.lab:5000` leads; without it the guest has a network card and nobody to talk to. */
  registry?: { address: string; port: number };
  /** Instead of the registry's network: a site's. */
  site?: SiteNetwork;
  /** Socket files that QEMU makes: of its monitor (QMP), and of the guest's port `lab.asked`. */
  sockets?: { monitor: string; asked: string };
  /** Bash script that the guest runs in multi-user.target, with $RESULTS. */
  script?: string;
  memoryMiB?: number;
  /** Virtual processors. Default 2, or what SNO_IBI_VM_CPUS says. */
  cpus?: number;
  /** Boots this kernel without firmware and boot loader: three seconds less, for everything whose subject is not the boot. */
  kernel?: DirectKernel;
};

export type SiteNetwork = {
  network: string;
  gateway: string;
  /** What the guest reads as `opt/lab/dhcp` of fw_cfg: the lease that it gets. */
  dhcp: string;
  /** A port of this machine's loopback that leads to one of the guest's. */
  forward: { from: number; to: { ip: string; port: number } };
};

export type DirectKernel = { file: string; initrd: string; arguments: string };

/** Where Debian's ovmf package puts its files; the package name is in packages.txt. */
const ovmf = '/usr/share/OVMF';

/**
 * QEMU's command line.
 * - TCG with a large translation buffer and two vCPUs: two seconds of every boot.
 * - `-no-reboot`: a warm reboot inside one TCG process spends 15 s in GRUB, a second process 2.5 s.
 * - A CD on virtio-scsi works with both firmwares; IDE is slow under TCG and q35's SATA has no driver in the guest.
 * - `restrict=on` and one guestfwd: the guest reaches the registry and nothing else. One nc per connection; its complaint that
 *   nobody answers must not reach the guest, where it would look like a registry that does not speak TLS.
 * - A fresh copy of UEFI's variables per run: stale boot entries lead into the EFI shell, which looks like a hang.
 * - `cache=unsafe`: what the guest has written is in the host's page cache and survives the killing of QEMU, which is what a
 *   power cut needs; what the guest had not written is lost, as it should be.
 */
export async function qemuArguments(
  options: MachineOptions,
  files: { dir: string; results: string; script: string },
): Promise<string[]> {
  const args = [
    '-accel',
    'tcg,thread=multi,tb-size=1024',
    '-cpu',
    'max',
    '-smp',
    String(options.cpus ?? process.env['SNO_IBI_VM_CPUS'] ?? 2),
    '-m',
    String(options.memoryMiB ?? 3072),
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-serial',
    'stdio',
    '-no-reboot',
  ];
  if (options.firmware === 'uefi') {
    const variables = join(files.dir, 'efi-variables.fd');
    await copyFile(join(ovmf, 'OVMF_VARS_4M.fd'), variables);
    args.push(
      '-machine',
      'q35',
      '-drive',
      `if=pflash,format=raw,readonly=on,file=${join(ovmf, 'OVMF_CODE_4M.fd')}`,
      '-drive',
      `if=pflash,format=raw,file=${variables}`,
    );
  }
  if (options.iso !== undefined) {
    args.push(
      '-device',
      'virtio-scsi-pci',
      '-drive',
      `if=none,id=cd,media=cdrom,file=${options.iso},readonly=on`,
      '-device',
      `scsi-cd,drive=cd${options.kernel === undefined ? ',bootindex=0' : ''}`,
    );
  }
  if (options.disks.some(({ paths }) => paths !== undefined)) args.push('-device', 'virtio-scsi-pci,id=san');
  for (const [index, disk] of options.disks.entries()) {
    if (disk.paths !== undefined) {
      args.push(...pathArguments(disk, index, disk.paths));
      continue;
    }
    const sectors = disk.sectorSize === 4096 ? ',logical_block_size=4096,physical_block_size=4096' : '';
    args.push(
      '-drive',
      `if=none,id=disk${String(index)},file=${disk.file},format=raw,cache=unsafe,discard=unmap${disk.readOnly === true ? ',readonly=on' : ''}${disk.snapshot === true ? ',snapshot=on' : ''}`,
      '-device',
      `virtio-blk-pci,drive=disk${String(index)},serial=${disk.serial},bootindex=${String(index + 1)}${sectors}`,
    );
  }
  args.push('-netdev', networkOf(options), '-device', 'virtio-net-pci,netdev=net');
  if (options.site !== undefined)
    args.push('-fw_cfg', `name=opt/lab/dhcp,string=${options.site.dhcp.replaceAll(',', ',,')}`);
  if (options.sockets !== undefined)
    args.push(
      ...['-qmp', `unix:${options.sockets.monitor},server=on,wait=off`],
      ...['-chardev', `socket,id=asked,path=${options.sockets.asked},server=on,wait=off`],
    );
  args.push(
    '-device',
    'virtio-serial-pci',
    '-chardev',
    `file,id=results,path=${files.results}`,
    '-device',
    'virtserialport,chardev=results,name=lab.results',
    ...(options.sockets === undefined ? [] : ['-device', 'virtserialport,chardev=asked,name=lab.asked']),
  );
  if (options.kernel !== undefined)
    args.push('-kernel', options.kernel.file, '-initrd', options.kernel.initrd, '-append', options.kernel.arguments);
  if (options.script !== undefined) args.push('-fw_cfg', `name=opt/lab/script,file=${files.script}`);
  return args;
}

function networkOf({ registry, site }: MachineOptions): string {
  if (site !== undefined) {
    const { network, gateway, forward } = site;
    const { ip, port } = forward.to;
    return `user,id=net,restrict=on,net=${network},host=${gateway},hostfwd=tcp:127.0.0.1:${String(forward.from)}-${ip}:${String(port)}`;
  }
  const forward =
    registry === undefined
      ? ''
      : `,guestfwd=tcp:10.0.2.100:5000-cmd:sh -c "exec busybox nc ${registry.address} ${String(registry.port)} 2> /dev/null"`;
  return `user,id=net,restrict=on${forward}`;
}

/** One drive a path: the file is shared, so nobody may lock it, and each path must see at once what another has written. */
function pathArguments(disk: VirtualDisk, index: number, paths: number): string[] {
  const sectors = disk.sectorSize === 4096 ? ',logical_block_size=4096,physical_block_size=4096' : '';
  const wwn = disk.wwn === undefined ? '' : `,wwn=0x${disk.wwn}`;
  return Array.from({ length: paths }, (_, path) => {
    const id = `disk${String(index)}path${String(path)}`;
    return [
      '-drive',
      `if=none,id=${id},file=${disk.file},format=raw,cache=unsafe,discard=unmap,file.locking=off`,
      '-device',
      `scsi-hd,bus=san.0,drive=${id},serial=${disk.serial},share-rw=on${wwn}${path === 0 ? `,bootindex=${String(index + 1)}` : ''}${sectors}`,
    ];
  }).flat();
}
