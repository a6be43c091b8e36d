/*
 * Just enough of Ignition to write documents by hand. Spec 3.2.0: Debian's Ignition knows up to 3.3, the installer's
 * documents for older releases are 3.2.0.
 */

export type IgnitionFile = { path: string; text: string; mode?: number };
export type IgnitionUnit = { name: string; text: string; enabled?: boolean };

export function ignitionDocument(files: readonly IgnitionFile[], units: readonly IgnitionUnit[]): unknown {
  return {
    ignition: { version: '3.2.0' },
    storage: {
      files: files.map(({ path, text, mode = 0o644 }) => ({
        path,
        mode,
        overwrite: true,
        user: { name: 'root' },
        contents: { source: `data:text/plain;charset=utf-8;base64,${Buffer.from(text).toString('base64')}` },
      })),
    },
    systemd: { units: units.map(({ name, text, enabled = true }) => ({ name, contents: text, enabled })) },
  };
}

/** A unit of the lab that runs a command of bash after the devices are there and before the installation begins. */
export function beforeInstallation(
  name: string,
  says: string,
  command: string,
): { readonly name: string; readonly enabled: true; readonly contents: string } {
  return {
    name,
    enabled: true,
    contents: `[Unit]
Description=Lab: ${says}
DefaultDependencies=no
After=systemd-udev-settle.service systemd-udevd.service local-fs.target
Before=install-rhcos-and-restore-seed.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c "${command}"
StandardOutput=journal+console
StandardError=journal+console
[Install]
WantedBy=multi-user.target
`,
  };
}
