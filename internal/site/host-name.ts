import { isDnsName } from '../address/dns-name.ts';
import type { Problem } from './problem.ts';

/** What is wrong with the host name that a site asks for. */
export function hostNameProblems(name: string): Problem[] {
  if (name === '') return [];
  if (name === 'localhost')
    return [
      {
        what: 'provided hostname is localhost and it is invalid, please provide a valid hostname',
        next: 'give the host another hostname in the site manifest',
      },
    ];
  if (name.length <= 64 && isDnsName(name)) return []; // the kernel's limit
  return [
    {
      what: `hostname "${name}" cannot be the name of a node`,
      next: 'write lower-case letters, digits and dashes, with dots between labels, at most 64 characters',
    },
  ];
}
