import type { BlockDevice } from './block-devices.ts';
import type { KernelState } from './kernel-state.ts';

/** One use of a device, and what is built on it in turn. */
export type Holder = {
  readonly kind:
    | 'disk'
    | 'partition'
    | 'loop'
    | 'logical volume'
    | 'crypt'
    | 'multipath'
    | 'mapper'
    | 'raid'
    | 'mount'
    | 'swap'
    | 'volume group'
    | 'raid member'
    | 'shared part';
  readonly name: string;
  /** Device number and node, for those that are devices. */
  readonly device?: string;
  readonly path?: string;
  /** What a person wants to know beside the name; may be empty. */
  readonly detail: string;
  readonly children: readonly Holder[];
};

/** Everything that uses this device, found by device number alone. A device that two ways lead to appears on both. */
export function holderTree(state: KernelState, device: string): Holder {
  return grow(state, device, new Set());
}

/** The devices of a tree, root first, each once. */
export function devicesOf(tree: Holder): string[] {
  return [...new Set(walk(tree).flatMap((holder) => holder.device ?? []))];
}

/** All holders of a tree, parents before children. */
export function walk(tree: Holder): Holder[] {
  return [tree, ...tree.children.flatMap(walk)];
}

const atRest: readonly Holder['kind'][] = ['disk', 'partition', 'volume group', 'raid member', 'shared part'];

/** Uses that keep the kernel from giving the disk away; metadata at rest is not among them. */
export function activeHolders(tree: Holder): Holder[] {
  return walk(tree)
    .slice(1)
    .filter(({ kind }) => !atRest.includes(kind));
}

/** The tree as lines for people. */
export function printTree(tree: Holder): string[] {
  const seen = new Set<string>();
  const print = (holder: Holder, depth: number): string[] => {
    const known = holder.device !== undefined && seen.has(holder.device);
    if (holder.device !== undefined) seen.add(holder.device);
    const line = `${'  '.repeat(depth)}${holder.kind} ${holder.name}${holder.detail === '' ? '' : `: ${holder.detail}`}`;
    return known && holder.children.length > 0
      ? [`${line} (see above)`]
      : [line, ...holder.children.flatMap((child) => print(child, depth + 1))];
  };
  return print(tree, 0);
}

/** What is built directly on a device: partitions, then holders, then loop devices over it. */
export function directlyAbove(state: KernelState, device: string): BlockDevice[] {
  const all = [...state.blocks.values()];
  const holders = new Set(state.blocks.get(device)?.holders ?? []);
  return [
    ...all
      .filter((block) => block.partition?.disk === device)
      .sort((a, b) => (a.partition?.number ?? 0) - (b.partition?.number ?? 0)),
    ...all.filter((block) => holders.has(block.device) && block.partition?.disk !== device),
    ...all.filter((block) => block.loop?.on === device),
  ];
}

function grow(state: KernelState, device: string, path: ReadonlySet<string>): Holder {
  const block = state.blocks.get(device);
  const deeper = new Set([...path, device]);
  return {
    kind: block === undefined ? 'disk' : kindOf(block),
    name: block?.mapper?.name ?? block?.name ?? device,
    device,
    ...(block === undefined ? {} : { path: block.path }),
    detail: block === undefined ? '' : detailOf(block),
    children: [
      ...metadataOn(state, device),
      ...directlyAbove(state, device)
        .filter((above) => !deeper.has(above.device))
        .map((above) => grow(state, above.device, deeper)),
      ...state.mounts
        .filter((mount) => mount.device === device)
        .map((mount): Holder => ({ kind: 'mount', name: `"${mount.target}"`, detail: mount.type, children: [] })),
      ...state.swaps
        .filter((swap) => swap.device === device)
        .map((swap): Holder => ({ kind: 'swap', name: swap.path, detail: 'in use', children: [] })),
    ],
  };
}

function metadataOn(state: KernelState, device: string): Holder[] {
  const volumes = state.physicalVolumes.filter((volume) => volume.device === device && volume.groupName !== undefined);
  const members = state.raidMembers.filter((member) => member.device === device);
  return [
    ...volumes.map((volume): Holder => ({
      kind: 'volume group',
      name: `"${volume.groupName ?? ''}"`,
      detail: volume.groupUuid ?? '',
      children: [],
    })),
    ...members.map((member): Holder => ({
      kind: 'raid member',
      name: `of "${member.arrayName ?? member.arrayUuid}"`,
      detail: [member.level, `metadata ${member.metadata}`].filter((part) => part !== undefined).join(', '),
      children: [],
    })),
    ...state.marks.parts
      .filter((part) => part.device === device)
      .map(({ kind, label, id, part }): Holder => ({
        kind: 'shared part',
        name: `of ${kind} "${label ?? id}"`,
        detail: part,
        children: [],
      })),
  ];
}

/** Kind of a block device; device-mapper users write theirs in front of the uuid. */
export function kindOf(block: BlockDevice): Holder['kind'] {
  if (block.partition !== undefined) return 'partition';
  if (block.raidLevel !== undefined) return 'raid';
  if (block.loop !== undefined && block.loop.on !== undefined) return 'loop';
  if (block.mapper === undefined) return 'disk';
  if (block.mapper.uuid.startsWith('LVM-')) return 'logical volume';
  if (block.mapper.uuid.startsWith('CRYPT-')) return 'crypt';
  if (block.mapper.uuid.startsWith('mpath-')) return 'multipath';
  return 'mapper';
}

function detailOf(block: BlockDevice): string {
  if (block.partition !== undefined) return '';
  if (block.raidLevel !== undefined) return block.raidLevel;
  if (block.loop !== undefined) return block.loop.file;
  return block.mapper === undefined || kindOf(block) !== 'mapper' ? '' : block.mapper.uuid;
}
