import { chmod, copyFile, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { put } from './cache.ts';

/*
 * The lab's own units, below /usr/lib/systemd/system of the OS. Mounts that belong to the seed are not here: a mount unit
 * whose device never comes costs 90 seconds of every boot.
 */

const wanted: Record<string, { by: string; text: string }> = {
  'boot.mount': {
    by: 'local-fs.target',
    text: `
[Unit]
Description=Boot partition
ConditionKernelCommandLine=ostree
[Mount]
What=/dev/disk/by-label/boot
Where=/boot
Type=ext4
`,
  },
  'lab-network.service': {
    by: 'network-online.target',
    text: `
[Unit]
Description=Static address in QEMU's user network
DefaultDependencies=no
After=systemd-udevd.service local-fs.target
Before=network.target network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/libexec/lab-network
`,
  },
  'lab-run.service': {
    by: 'multi-user.target',
    text: `
[Unit]
Description=Run the script handed over by fw_cfg
ConditionPathExists=/sys/firmware/qemu_fw_cfg/by_name/opt/lab/script/raw
Wants=network-online.target
After=basic.target network-online.target systemd-tmpfiles-setup.service
[Service]
Type=oneshot
ExecStart=/usr/libexec/lab-run
StandardOutput=journal+console
StandardError=journal+console
TimeoutStartSec=infinity
`,
  },
  'lab-ready.service': {
    by: 'multi-user.target',
    text: `
[Unit]
Description=Say that multi-user.target was reached
DefaultDependencies=no
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'read up rest < /proc/uptime; echo "LAB-READY $up" > /dev/console'
`,
  },
  'coreos-update-ca-trust.service': {
    by: 'sysinit.target',
    text: `
[Unit]
Description=Run update-ca-trust
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target
ConditionDirectoryNotEmpty=/etc/pki/ca-trust/source/anchors/
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/libexec/update-ca-trust
`,
  },
};

/** Units that cost boot time under TCG and have nothing to do with the subject. */
export const masked = [
  'podman.socket',
  'podman.service',
  'podman-restart.service',
  'podman-auto-update.service',
  'podman-auto-update.timer',
  'podman-clean-transient.service',
  'e2scrub_reap.service',
  'e2scrub_all.timer',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'fstrim.timer',
  // a scenario with several paths starts it
  'multipathd.service',
  'multipathd.socket',
  'multipath-tools.service',
  'mdcheck_start.timer',
  'mdcheck_continue.timer',
  'mdmonitor-oneshot.timer',
  'lvm2-lvmpolld.socket',
  'blk-availability.service',
  'systemd-pstore.service',
  'getty@tty1.service',
  'remote-fs.target',
  'systemd-hwdb-update.service',
  'systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service',
  'systemd-machine-id-commit.service',
  'systemd-random-seed.service',
  'systemd-rfkill.service',
  'systemd-rfkill.socket',
  'systemd-initctl.socket',
  'systemd-journal-flush.service',
  'systemd-journal-catalog-update.service',
  'modprobe@configfs.service',
  'modprobe@dm_mod.service',
  'modprobe@drm.service',
  'modprobe@efi_pstore.service',
  'modprobe@fuse.service',
  'modprobe@loop.service',
  'kmod-static-nodes.service',
  'dev-hugepages.mount',
  'dev-mqueue.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'sys-kernel-config.mount',
  'sys-fs-fuse-connections.mount',
  'proc-sys-fs-binfmt_misc.automount',
  'systemd-binfmt.service',
  'systemd-logind.service',
  'systemd-user-sessions.service',
  'systemd-timesyncd.service',
  'getty-static.service',
  'systemd-ask-password-console.path',
  'systemd-ask-password-wall.path',
  'systemd-sysusers.service',
  'ostree-finalize-staged.path',
  'nftables.service',
];

const tmpfiles = `
d /var/home 0755 root root -
d /var/roothome 0700 root root -
d /var/srv 0755 root root -
d /var/opt 0755 root root -
d /var/mnt 0755 root root -
d /var/tmp 1777 root root -
d /var/usrlocal 0755 root root -
d /var/usrlocal/bin 0755 root root -
d /var/lib/containers 0755 root root -
d /var/lib/private 0700 root root -
`;

const guestFile = (name: string): URL => new URL(`../guest/${name}`, import.meta.url);

/** What goes into the key of every artefact that holds these units. */
export const unitSources: readonly (string | URL)[] = [
  import.meta.url,
  ...['lab-run', 'lab-network', 'update-ca-trust'].map(guestFile),
];

/** Writes units, masks, tmpfiles rules and their programs into a root directory whose `/etc` is still in place. */
export async function installUnits(root: string): Promise<void> {
  const units = join(root, 'usr/lib/systemd/system');
  for (const [name, { by, text }] of Object.entries(wanted)) {
    await put(join(units, name), text.trimStart());
    await mkdir(join(units, `${by}.wants`), { recursive: true });
    await symlink(`../${name}`, join(units, `${by}.wants`, name));
  }
  await put(
    join(units, 'serial-getty@ttyS0.service.d/10-lab.conf'),
    '[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --keep-baud 115200 - $TERM\n',
  );
  for (const program of ['lab-run', 'lab-network', 'update-ca-trust']) {
    await mkdir(join(root, 'usr/libexec'), { recursive: true });
    await copyFile(guestFile(program), join(root, 'usr/libexec', program));
    await chmod(join(root, 'usr/libexec', program), 0o755);
  }
  await put(join(root, 'usr/lib/modules-load.d/lab.conf'), 'qemu_fw_cfg\nvirtio_console\n');
  await put(join(root, 'usr/lib/tmpfiles.d/ostree-lab.conf'), tmpfiles.trimStart());
}
