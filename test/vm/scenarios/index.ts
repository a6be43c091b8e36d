import type { Scenario } from '../scenario.ts';
import { badConfig } from './bad-config.ts';
import { bios } from './bios.ts';
import { firstBoot } from './first-boot.ts';
import { finishedDisk } from './finished-disk.ts';
import { installerStyle } from './installer-style.ts';
import { leftovers } from './leftovers.ts';
import { multipath } from './multipath.ts';
import { powerCutFill, powerCutFinish, powerCutWrite } from './power-cut.ts';
import { registryAway } from './registry-away.ts';
import { registryUnreachable } from './registry-unreachable.ts';
import { savePartlabel } from './save-partlabel.ts';
import { sectors4096 } from './sectors-4096.ts';
import { uefi } from './uefi.ts';

/** All scenarios, in the order in which they are worth most. */
export const scenarios: readonly Scenario[] = [
  bios,
  uefi,
  sectors4096,
  firstBoot,
  installerStyle,
  powerCutFill,
  badConfig,
  registryAway,
  powerCutWrite,
  powerCutFinish,
  leftovers,
  multipath,
  savePartlabel,
  finishedDisk,
  registryUnreachable,
];

/** What the usual test command runs: the whole story, from the ISO to the booted disk. The others are what `npm run test:all` adds. */
export const ciScenarios: readonly Scenario[] = [bios];
