import { registryName } from '../test/vm/registry.ts';
import type { Seed } from '../test/vm/artefacts/seed.ts';
import { openMeter, coldCaches } from './meter.ts';
import { configFile, directName, pullSecretFile, type Target } from './target.ts';
import type { Filled } from './fill-ours.ts';

/**
 * The commands of the reference's stateroot set-up (README.md, its table of commands), in its order and with its arguments; the workspace below /var/tmp is
 * memory, as on a live system. Two things differ, both in its favour: the pull that the installer's script makes into the live
 * system's memory before `ibi` starts is left out, and the image list and manifest are copied without a parser.
 *
 * The sync at the end is not the reference's (it has none, and powers off). Ours has it: only a disk that holds what it seems to
 * hold can be compared.
 */
const script = `
set -e
phase() { local now=\${EPOCHREALTIME/./}; echo "phase $((now - last)) $1" >&2; last=$now; }
untar() { local copy; copy=$(mktemp /var/tmp/tar-XXXX); cp -p /usr/bin/tar $copy; chcon -t install_exec_t $copy 2>/dev/null || true
  $copy xzf "$1" -C "$2" --selinux --xattrs '--xattrs-include=*' --acls; rm $copy; }
last=\${EPOCHREALTIME/./}
podman pull -q --authfile "$PULL_SECRET" "$SEED" >/dev/null; phase 'podman pull'
M=$(podman image mount "$SEED"); T=$(mktemp -d /var/tmp/XXXXXXXX); mkdir -m 700 $T/ostree; phase 'podman image mount'
untar $M/ostree.tgz $T/ostree; phase 'tar ostree.tgz'
ostree pull-local --repo /mnt/ostree/repo $T/ostree; phase 'ostree pull-local'
ostree admin os-init --sysroot /mnt $OS
ostree admin deploy --os $OS --no-prune --sysroot /mnt "$@" $COMMIT; phase 'ostree admin deploy'
D=$(ostree admin status --sysroot /mnt/ | sed 's/^\\*//' | awk -v os=$OS '$1 == os { print $2; exit }')
cp $M/ostree-*.origin /mnt/ostree/deploy/$OS/deploy/$D.origin
untar $M/var.tgz /mnt/ostree/deploy/$OS; phase 'tar var.tgz'
untar $M/etc.tgz /mnt/ostree/deploy/$OS/deploy/$D
while read -r path; do rm /mnt/ostree/deploy/$OS/deploy/$D$path; done < $M/etc.deletions
cp $M/containers.list $M/manifest.json /var/tmp/; phase 'tar etc.tgz, deletions'
podman image mount --format json --log-level error >/dev/null
podman image umount "$SEED" >/dev/null; podman image exists "$SEED"; podman rmi "$SEED" >/dev/null
rm -rf $T; phase 'umount, rmi, rm'
sync -f /mnt; sync -f /mnt/boot; phase 'sync'
`;

/** Fills a disk that is written and laid out with the reference's commands. */
export async function fillAsReference(target: Target, seed: Seed, reference: string): Promise<Filled> {
  await target.ibi(['run', '-f', configFile, '--only', 'mount-target']);
  await using meter = await openMeter(target.lane.disk.name);
  const karguments = seed.kernelArguments.flatMap((argument) => ['--karg-append', argument]);
  const phases = new Map<string, number>();
  await coldCaches(target.registry);
  meter.start();
  await target.lane.run('bash', ['-c', `${meter.join}; ${script}`, 'reference', ...karguments], {
    env: {
      SEED: reference.replace(registryName, directName),
      PULL_SECRET: pullSecretFile,
      OS: seed.stateroot,
      COMMIT: seed.commit,
    },
    budgetMs: 1_800_000,
    onLine: (line) => {
      const [, micros, name] = /^phase (\d+) (.+)$/.exec(line) ?? [];
      if (micros !== undefined && name !== undefined) phases.set(name, Number(micros) / 1e6);
    },
  });
  meter.pause();
  return { cost: meter.cost(), phases };
}
