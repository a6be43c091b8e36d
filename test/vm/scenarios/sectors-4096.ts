import assert from 'node:assert/strict';
import type { Scenario } from '../scenario.ts';
import { sectionOf } from '../sections.ts';

/** Such a disk has its own image and no BIOS boot code: it boots by UEFI alone. */
export const sectors4096: Scenario = {
  name: 'sectors-4096',
  says: 'a disk with 4096-byte sectors, with UEFI firmware',
  sectorSize: 4096,
  boot: { by: 'uefi' },
  proof: 'uefi',
  assert(_stage, proof) {
    assert.match(sectionOf(proof?.sections ?? new Map(), 'disks'), /^vda target .* 4096$/m);
  },
};
