/** What an app takes of the host, measured while its containers run. */

export interface Metered {
  /** Of its running containers, now; null: none runs, or it is not known. */
  readonly memoryBytes: number | null;
  /** Since this host began to count; of containers that run, too. */
  readonly awakeSeconds: number;
  readonly memoryByteSeconds: number;
  readonly cpuSeconds: number;
}

/** Of an app, by its name. */
export type Meter = (app: string) => Metered;

const NOTHING: Metered = { memoryBytes: null, awakeSeconds: 0, memoryByteSeconds: 0, cpuSeconds: 0 };

/** Where nothing is measured. */
export const noMeter: Meter = () => NOTHING;
