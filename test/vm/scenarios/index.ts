import type { Scenario } from '../scenario.ts';
import { bios } from './bios.ts';
import { uefi } from './uefi.ts';

/** All scenarios, in the order in which they are worth most. */
export const scenarios: readonly Scenario[] = [bios, uefi];
