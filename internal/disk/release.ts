import { Failure, Interrupted } from '../errors/errors.ts';
import type { Host } from '../host/host.ts';
import { readBlockDevices } from './block-devices.ts';
import { activeHolders, devicesOf, printTree, walk } from './holders.ts';
import { isBusy } from './busy.ts';
import { confirmDisk, type Disk } from './identity.ts';
import { namespacesWith } from './mount-users.ts';
import { thaw } from './mounting.ts';
import { dumpTable } from './partitions.ts';
import { lookAt, refuseUnsafe, type Inspection, type InspectOptions } from './refusals.ts';
import { planRelease, showPlan, type ReleaseAction } from './release-plan.ts';
import type { Say } from './say.ts';
import { settle } from './settle.ts';
import { letGo } from './unmount-target.ts';

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
export async function releaseDisk(
  host: Host,
  disk: Disk,
  options: InspectOptions & { readonly say: Say },
): Promise<Released> {
  await confirmDisk(host, disk);
  await settle(host, disk);
  const { state, inspection } = await lookAt(host, disk, options);
  refuseUnsafe(inspection);
  const tableDump = await dumpTable(host, disk);
  const plan = planRelease(state, inspection);
  if (activeHolders(inspection.tree).length > 0) for (const line of printTree(inspection.tree)) options.say(line);
  for (const line of showPlan(plan)) options.say(`plan: ${line}`);

  const ran: ReleaseAction[] = [];
  for (const [index, action] of plan.entries()) {
    if (host.stop.aborted)
      throw new Interrupted(`stopped while disk "${disk.name}" was taken out of use`, {
        why: 'what was done stays done',
      });
    if (action.action === 'wipe' && plan[index - 1]?.action !== 'wipe') await requireUnused(host, disk, options);
    if (action.device !== undefined && !(await readBlockDevices()).has(action.device)) continue;
    await act(host, action, options.say);
    ran.push(action);
  }
  await settle(host, disk);
  await requireWiped(host, disk, options, inspection);
  options.say(
    inspection.saved.length === 0
      ? `disk "${disk.name}" is free and wiped`
      : `disk "${disk.name}" is free and wiped but for what is kept`,
  );
  return { actions: ran, ...(tableDump === undefined ? {} : { tableDump }) };
}

async function act(host: Host, action: ReleaseAction, say: Say): Promise<void> {
  if (action.action === 'unmount') {
    const point = action.args.at(-1) ?? '';
    await thaw(host, point, say);
    return letGo(host, point);
  }
  // An act that was begun is let to end: half a group removal is worse than a late stop.
  await host.run(action.program, action.args, {
    budgetMs: 300_000,
    onStop: 'finish',
    ...(action.okStatuses === undefined ? {} : { okStatuses: action.okStatuses }),
  });
  return undefined;
}

/** Before the first wipe: `wipefs --force` would also wipe under a user. Udev may still be looking at what was just closed, so it is asked for a while. */
async function requireUnused(host: Host, disk: Disk, options: InspectOptions): Promise<void> {
  await insist(async () => {
    const { inspection } = await lookAt(host, disk, { ...options, allowSpanning: true });
    if (activeHolders(inspection.tree).length === 0 && !(await isBusy(disk))) return undefined;
    const elsewhere =
      activeHolders(inspection.tree).length > 0 ? [] : await namespacesWith(new Set(devicesOf(inspection.tree)));
    return new Failure(`disk "${disk.name}" is still in use after all that uses it was told to let go`, {
      why: [
        ...printTree(inspection.tree),
        ...(elsewhere.length === 0 ? [] : [`mounted in the mount namespace of ${elsewhere.slice(0, 5).join(', ')}`]),
      ].join('\n'),
      next: 'end what holds it, or restart the machine',
    });
  });
}

async function requireWiped(host: Host, disk: Disk, options: InspectOptions, before: Inspection): Promise<void> {
  const kept = new Set(before.saved.flatMap((partition) => partition.device ?? []));
  await insist(async () => {
    const { inspection } = await lookAt(host, disk, { ...options, allowSpanning: true });
    const metadata = walk(inspection.tree).filter(
      ({ device, children }) =>
        device !== undefined &&
        !kept.has(device) &&
        children.some(({ kind }) => kind === 'volume group' || kind === 'raid member'),
    );
    if (activeHolders(inspection.tree).length === 0 && metadata.length === 0) return undefined;
    return new Failure(`something came back to disk "${disk.name}" after it was wiped`, {
      why: printTree(inspection.tree).join('\n'),
      next: 'another program assembles volumes or arrays on this machine; stop it',
    });
  });
}

async function insist(look: () => Promise<Failure | undefined>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const failure = await look();
    if (failure === undefined) return;
    if (performance.now() > deadline) throw failure;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
