/** An old address of the node with the one that takes its place. */
export type AddressPair = { readonly old: string; readonly fresh: string };

/** An address as it stands in URLs: IPv6 in brackets. */
export const inUrl = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/**
 * A text with old addresses replaced, all pairs at once, so that a new address which equals another old one is not replaced again. Whole
 * addresses only: 192.0.2.1 stands neither in 192.0.2.10 nor in 192.0.2.1.example.com.
 */
export function withNewAddresses(text: string, pairs: readonly AddressPair[]): string {
  if (!pairs.some(({ old }) => text.includes(old))) return text;
  const fresh = new Map(pairs.map((pair) => [pair.old, pair.fresh]));
  return text.replace(anyOf(pairs.map(({ old }) => old)), (found) => {
    const inBrackets = found.startsWith('[') ? fresh.get(found.slice(1, -1)) : undefined;
    return inBrackets === undefined ? (fresh.get(found) ?? found) : inUrl(inBrackets);
  });
}

function anyOf(addresses: readonly string[]): RegExp {
  const [six, four] = [
    addresses.filter((address) => address.includes(':')),
    addresses.filter((address) => !address.includes(':')),
  ].map((some) => some.map(RegExp.escape).join('|'));
  const ways = [
    ...(six === undefined || six === ''
      ? []
      : [`\\[(?:${six})\\]`, `(?<![0-9A-Za-z:.\\[])(?:${six})(?![0-9A-Za-z:]|\\.[0-9A-Za-z])`]),
    ...(four === undefined || four === '' ? [] : [`(?<![0-9A-Za-z_.])(?:${four})(?![0-9A-Za-z_]|\\.[0-9A-Za-z])`]),
  ];
  return new RegExp(ways.join('|'), 'g');
}
