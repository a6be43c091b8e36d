import type { Scenario } from '../scenario.ts';

export const uefi: Scenario = {
  name: 'uefi',
  says: 'ISO, blank disk and reboot with UEFI firmware',
  boot: { by: 'uefi' },
  proof: 'uefi',
};
