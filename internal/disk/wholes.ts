import type { KernelState } from './kernel-state.ts';
import { isFirmwareRaid } from './raid.ts';
import type { SharedPart } from './shared-parts.ts';

/** Something that is made of parts on one or several devices, seen from one disk. */
export type Whole = {
  /** `volume group "data"`. */
  readonly name: string;
  readonly ours: readonly SharedPart[];
  /** Parts on other devices that this disk has no copy of. */
  readonly others: readonly SharedPart[];
  /** Devices elsewhere with the same own ids as parts of ours: a disk that was copied whole. */
  readonly copies: readonly SharedPart[];
  /** How many parts no device of this machine holds. */
  readonly missing: number;
};

/** Everything that lies on devices, as parts: volume groups, arrays, file systems over several devices. Firmware RAID is judged apart. */
export function wholesOf(state: KernelState, devices: ReadonlySet<string>): Whole[] {
  const groups = Map.groupBy(partsOf(state), ({ kind, id }) => `${kind} ${id}`);
  return [...groups.values()].map((parts): Whole => {
    const ours = parts.filter(({ device }) => devices.has(device));
    const elsewhere = parts.filter(({ device }) => !devices.has(device));
    const own = new Set(ours.map(({ part }) => part));
    const [first] = parts;
    const label = parts.find((part) => part.label !== undefined)?.label ?? first?.id ?? '';
    const count = Math.max(...parts.map((part) => part.parts ?? 0));
    return {
      name: `${first?.kind ?? ''} "${label}"`,
      ours,
      others: elsewhere.filter(({ part }) => !own.has(part)),
      copies: elsewhere.filter(({ part }) => own.has(part)),
      missing: Math.max(0, count - new Set(parts.map(({ part }) => part)).size),
    };
  });
}

function partsOf(state: KernelState): SharedPart[] {
  return [
    ...state.physicalVolumes.flatMap((volume): SharedPart[] => {
      const { device, path, groupName, groupUuid, uuid } = volume;
      if (device === undefined || groupName === undefined) return [];
      const id = groupUuid ?? groupName;
      const members = state.physicalVolumes.filter((other) => (other.groupUuid ?? other.groupName) === id);
      const parts = new Set(members.map((member) => member.uuid ?? member.path)).size;
      return [{ device, path, kind: 'volume group', id, label: groupName, part: uuid ?? path, parts }];
    }),
    ...state.raidMembers
      .filter((member) => !isFirmwareRaid(member))
      .map(({ device, path, arrayUuid, arrayName, memberUuid, members }): SharedPart => ({
        ...{ device, path, kind: 'RAID array', id: arrayUuid, part: memberUuid ?? path },
        ...(arrayName === undefined ? {} : { label: arrayName }),
        ...(members === undefined ? {} : { parts: members }),
      })),
    ...state.marks.parts,
  ];
}
