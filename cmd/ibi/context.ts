import type { IbiConfig } from '../../internal/config/ibi-config.ts';
import type { Disk, Target } from '../../internal/disk/disk.ts';
import type { Host } from '../../internal/host/host.ts';
import type { Egress } from '../../internal/registry/egress.ts';
import type { InspectedImage } from '../../internal/registry/inspect.ts';
import type { Registry } from '../../internal/registry/registry.ts';
import type { SeedManifest } from '../../internal/config/seed-manifest.ts';
import type { RunRecord } from '../../internal/steps/journal.ts';

/** What the person or unit asked for on the command line. */
export type IbiOptions = {
  readonly version: string;
  readonly configurationFile: string;
  readonly authFile: string;
  readonly reinstallFinishedDisk: boolean;
  /** How long a registry may be away. */
  readonly giveUpMs: number;
  /** The installer writes the file when we are called as `lca-cli`; a person does when we are called as `ibi`. */
  readonly unknownKeys: 'refuse' | 'warn';
};

/** What the checks found: each is set by the step that is named, and later steps may rely on it. */
type Findings = {
  /** read-config */
  config: IbiConfig;
  /** choose-disk */
  disk: Disk;
  /** inspect-seed */
  egress: Egress;
  registry: Registry;
  seed: {
    readonly image: InspectedImage;
    readonly stateroot: string;
    readonly installId: string;
    readonly manifest: SeedManifest | undefined;
  };
  /** mount-target */
  target: Target;
};

/**
 * What the steps of one run share.
 *
 * INVARIANT: a finding is read only after the step that makes it; those steps run in every run.
 */
export class Ibi {
  readonly host: Host;
  readonly options: IbiOptions;
  /** The run so far, for the install record. */
  readonly runSoFar: () => RunRecord | undefined;
  readonly #findings: Partial<Findings> = {};

  constructor(host: Host, options: IbiOptions, runSoFar: () => RunRecord | undefined) {
    this.host = host;
    this.options = options;
    this.runSoFar = runSoFar;
  }

  find<K extends keyof Findings>(name: K, value: Findings[K]): void {
    this.#findings[name] = value;
  }

  has(name: keyof Findings): boolean {
    return this.#findings[name] !== undefined;
  }

  get config(): IbiConfig {
    return this.#found('config');
  }
  get disk(): Disk {
    return this.#found('disk');
  }
  get egress(): Egress {
    return this.#found('egress');
  }
  get registry(): Registry {
    return this.#found('registry');
  }
  get seed(): Findings['seed'] {
    return this.#found('seed');
  }
  get target(): Target {
    return this.#found('target');
  }

  /** Lets the connections go that the run has held. */
  [Symbol.dispose](): void {
    this.#findings.registry?.[Symbol.dispose]();
  }

  #found<K extends keyof Findings>(name: K): Findings[K] {
    const value = this.#findings[name];
    if (value === undefined) throw new Error(`"${name}" was asked for before the step that finds it`);
    return value;
  }
}
