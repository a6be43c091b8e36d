import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Failure, errorCode } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { readBlockDevices } from './block-devices.ts';
import { activeHolders, devicesOf, printTree, walk } from './holders.ts';
import type { Disk } from './identity.ts';
import { namespacesWith } from './mount-users.ts';
import { dumpTable } from './partitions.ts';
import { lookAt, refuseUnsafe, type Inspection, type InspectOptions } from './refusals.ts';
import { planRelease, showPlan, type ReleaseAction } from './release-plan.ts';
import type { Say } from './say.ts';
import { settle } from './settle.ts';

/** What was done to take a disk out of use. */
export type Released = {
  /** The actions that ran, in order. */
  readonly actions: readonly ReleaseAction[];
  /** The partition table as it was before, as text for `sfdisk`. */
  readonly tableDump?: string;
};

const patienceMs = 10_000;

/**
 * Takes the disk out of use and wipes it.
 *
 * INVARIANTS
 * - It looks again and refuses again: between the check and this moment minutes may have passed.
 * - The plan is said before its first act; nothing runs that is not in it.
 * - It ends with a look that shows nothing left, or as a failure that names what holds the disk.
 *
 * @throws Refusal before the first act
 * @throws Failure when something still holds the disk
 */
export async function releaseDisk(host: Host, disk: Disk, options: InspectOptions & { readonly say: Say }): Promise<Released> {
  await settle(host, disk);
  const { state, inspection } = await lookAt(host, disk, options);
  refuseUnsafe(inspection);
  const tableDump = await dumpTable(host, disk);
  const plan = planRelease(state, inspection);
  if (activeHolders(inspection.tree).length > 0) for (const line of printTree(inspection.tree)) options.say(line);
  for (const line of showPlan(plan)) options.say(`plan: ${line}`);

  const ran: ReleaseAction[] = [];
  for (const action of plan) {
    if (action.device !== undefined && !(await readBlockDevices()).has(action.device)) continue;
    await act(host, action);
    ran.push(action);
  }
  await settle(host, disk);
  await requireReleased(host, disk, options, inspection);
  options.say(inspection.saved.length === 0 ? `disk "${disk.name}" is free and wiped` : `disk "${disk.name}" is free and wiped but for what is kept`);
  return { actions: ran, ...(tableDump === undefined ? {} : { tableDump }) };
}

async function act(host: Host, action: ReleaseAction): Promise<void> {
  if (action.action === 'unmount') return host.unmount(action.args.at(-1) ?? '');
  // An act that was begun is let to end: half a group removal is worse than a late stop.
  await host.run(action.program, action.args, { budgetMs: 300_000, onStop: 'finish', ...(action.okStatuses === undefined ? {} : { okStatuses: action.okStatuses }) });
  return undefined;
}

async function requireReleased(host: Host, disk: Disk, options: InspectOptions, before: Inspection): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const { inspection } = await lookAt(host, disk, { ...options, allowSpanning: true });
    const kept = new Set(before.saved.flatMap((partition) => partition.device ?? []));
    const metadata = walk(inspection.tree).filter(({ device, children }) => device !== undefined && !kept.has(device) && children.some(({ kind }) => kind === 'volume group' || kind === 'raid member'));
    const free = activeHolders(inspection.tree).length === 0 && metadata.length === 0;
    const busy = free ? await isBusy(disk.path) : true;
    if (free && !busy) return;
    if (performance.now() > deadline) {
      const elsewhere = free ? await namespacesWith(new Set(devicesOf(inspection.tree))) : [];
      throw new Failure(`disk "${disk.name}" is still held after the clean-up`, {
        why: [...printTree(inspection.tree), ...(elsewhere.length === 0 ? [] : [`mounted in the mount namespace of ${elsewhere.slice(0, 5).join(', ')}`])].join('\n'),
        next: 'end what holds it, or restart the machine, and start again',
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 500)); // udev may be looking at what we just wiped
  }
}

/** The kernel's own answer, valid for all mount namespaces: an exclusive open fails while anyone has claimed the disk or a part of it. */
async function isBusy(path: string): Promise<boolean> {
  try {
    await (await open(path, constants.O_RDONLY | constants.O_EXCL)).close();
    return false;
  } catch (error) {
    if (errorCode(error) === 'EBUSY') return true;
    throw error;
  }
}
