import type { Host } from '../host/host.ts';
import type { Renewal, RenewInput } from './renewal.ts';

/** The signature for the helpers; the body comes with the parts. */
export type Renew = (host: Host, input: RenewInput) => Promise<Renewal>;
