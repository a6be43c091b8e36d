import assert from 'node:assert/strict';
import { installerIgnition } from '../installer-ignition.ts';
import type { Scenario } from '../scenario.ts';
import { sectionOf } from '../sections.ts';
import { builtProgram } from '../stage.ts';

/** The seed carries our program as `lca-cli`, in its root and in /var; the ISO knows nothing of us. */
export const installerStyle: Scenario = {
  name: 'installer-style',
  says: "the installer's own ISO: its script takes lca-cli out of the seed and starts it",
  seed: { lcaCli: builtProgram },
  boot: {
    by: 'bios',
    ignition: installerIgnition,
    payload: false,
    config: { extraPartitionLabel: 'var-lib-containers', extraPartitionNumber: 5 },
  },
  proof: 'bios',
  assert(_stage, _proof, [installation]) {
    const journal = sectionOf(installation?.sections ?? new Map(), 'journal');
    assert.match(journal, /install-rhcos-and-restore-seed\.sh.*podman|lca-cli/);
    assert.match(journal, /ibi: ibi \d/);
  },
};
