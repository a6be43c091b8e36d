import { heading, type Flow } from '../../internal/steps/step.ts';
import type { Ibi } from './context.ts';
import { checkMachine } from './steps/check-machine.ts';
import { checkSpace } from './steps/check-space.ts';
import { chooseDisk } from './steps/choose-disk.ts';
import { deploySeed } from './steps/deploy-seed.ts';
import { dropStockOs } from './steps/drop-stock-os.ts';
import { fetchSeed } from './steps/fetch-seed.ts';
import { inspectSeed } from './steps/inspect-seed.ts';
import { layOutStorage } from './steps/lay-out-storage.ts';
import { mountTarget } from './steps/mount-target.ts';
import { powerOff } from './steps/power-off.ts';
import { pullSeedImages } from './steps/pull-images.ts';
import { readConfig } from './steps/read-config.ts';
import { refuseFinishedDisk } from './steps/refuse-finished-disk.ts';
import { releaseDisk } from './steps/release-disk.ts';
import { restoreState } from './steps/restore-state.ts';
import { seal } from './steps/seal.ts';
import { siteHook } from './steps/site-hook.ts';
import { verifyDisk } from './steps/verify-disk.ts';
import { writeOs } from './steps/write-os.ts';

/** Turns a blank disk into a host that waits for its site. Read from top to bottom. */
export const flow: Flow<Ibi> = [
  heading('Check: nothing on this machine is changed', 'nothing'),
  readConfig,
  checkMachine,
  chooseDisk,
  refuseFinishedDisk,
  inspectSeed,
  checkSpace,
  heading('Write: the old contents of the disk are lost from here on'),
  releaseDisk,
  writeOs,
  layOutStorage,
  heading('Fill: may be repeated from any step'),
  mountTarget,
  fetchSeed,
  deploySeed,
  restoreState,
  pullSeedImages,
  siteHook,
  heading('Finish: what makes the disk valid comes last'),
  dropStockOs,
  verifyDisk,
  seal,
  powerOff,
];
