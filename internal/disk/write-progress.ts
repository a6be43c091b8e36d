/** How far the image is written. */
export type WriteProgress = { readonly doneBytes: number; readonly totalBytes?: number; readonly fraction?: number };

const unitPower: Readonly<Record<string, number>> = { bytes: 0, B: 0, KiB: 1, MiB: 2, GiB: 3, TiB: 4 };

/**
 * Understands a progress line of coreos-installer: "Read disk 200.0 MiB/1.2 GiB (16%)". A source of unknown length has no total.
 * The bytes are those of the source, so a compressed image counts compressed bytes.
 */
export function progressOf(line: string): WriteProgress | undefined {
  const parts = /^\s*>?\s*Read \S+ ([\d.]+) (\w+)(?:\/([\d.]+) (\w+) \((\d+)%\))?\s*$/.exec(line);
  const doneBytes = sizeOf(parts?.[1], parts?.[2]);
  if (parts === null || doneBytes === undefined) return undefined;
  const totalBytes = sizeOf(parts[3], parts[4]);
  return {
    doneBytes,
    ...(totalBytes === undefined ? {} : { totalBytes }),
    ...(parts[5] === undefined ? {} : { fraction: Number(parts[5]) / 100 }),
  };
}

function sizeOf(number: string | undefined, unit: string | undefined): number | undefined {
  const power = unit === undefined ? undefined : unitPower[unit];
  return number === undefined || power === undefined ? undefined : Math.round(Number(number) * 1024 ** power);
}
