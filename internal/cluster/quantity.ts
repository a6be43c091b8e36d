/**
 * Quantities of Kubernetes ("1Gi", "500m", "1e3") as exact numbers, for saying whether two texts mean the same amount.
 */
const form = /^([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$/;
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binary: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };

/** value = numerator / 10^scale */
type Amount = { readonly numerator: bigint; readonly scale: number };

function amountOf(text: string): Amount | undefined {
  const found = form.exec(text);
  if (found === null) return undefined;
  const [, sign = '', whole = '', fraction = '', suffix = '', exponent = '0'] = found;
  if (whole + fraction === '') return undefined;
  const digits = BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}`);
  const shift = binary[suffix] ?? 0n;
  return { numerator: digits << shift, scale: fraction.length - (decimal[suffix] ?? 0) - Number(exponent) };
}

/** True when both are quantities of the same amount: "1Gi" and "1024Mi", "0.5" and "500m". */
export function sameQuantity(one: string, other: string): boolean {
  const [first, second] = [amountOf(one), amountOf(other)];
  if (first === undefined || second === undefined) return false;
  const scale = Math.max(first.scale, second.scale, 0);
  const at = (amount: Amount): bigint => amount.numerator * 10n ** BigInt(scale - amount.scale);
  return at(first) === at(second);
}
