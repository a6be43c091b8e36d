/** Why a disk must not be erased: what is so, and what to do. */
export type Reason = { readonly what: string; readonly next: string };
