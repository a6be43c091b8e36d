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
