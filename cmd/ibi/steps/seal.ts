import type { Step } from '../../../internal/steps/step.ts';
import type { Ibi } from '../context.ts';
import { finishDisk } from '../finish.ts';

/** What makes the disk valid comes last: logs kept, seed copies gone, everything synced and unmounted, then the seal. */
export const seal: Step<Ibi> = {
  name: 'seal',
  says: 'Keep the record, unmount the disk and seal it',
  run: (ibi, io) => finishDisk(ibi, io.say),
};
