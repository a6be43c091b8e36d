import type { Scenario } from '../scenario.ts';

/** The baseline itself, with a whole OS and the evidence gathered, booted through the boot loader on the disk. */
export const bios: Scenario = {
  name: 'bios',
  os: 'full',
  says: 'ISO, blank disk and reboot with BIOS firmware',
  boot: { by: 'bios', gather: true },
  proof: 'bios',
};
