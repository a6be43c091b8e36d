import type { Problem } from './problem.ts';

const part = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const prefix = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** Labels that the API server would refuse, at a time when nobody looks any more. */
export function labelProblems(labels: Readonly<Record<string, string>>): Problem[] {
  return Object.entries(labels).flatMap(([key, value]) => {
    const slash = key.indexOf('/');
    const [front, name] = slash < 0 ? [undefined, key] : [key.slice(0, slash), key.slice(slash + 1)];
    const isGood =
      part.test(name) &&
      (front === undefined || (front.length <= 253 && prefix.test(front))) &&
      (value === '' || part.test(value));
    if (isGood) return [];
    return [
      {
        what: `node label "${key}=${value}" is none that Kubernetes takes`,
        next: 'correct node_labels of the site manifest',
      },
    ];
  });
}
