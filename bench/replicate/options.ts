/** What all cases of `npm run bench -- replicate` take. */
export interface ReplicateOptions {
  /** Articles that are copied. */
  readonly docs: number;
  /** Articles of copies to and from MongoDB, which take longer. */
  readonly mongodbDocs: number;
  /** Of each measurement; the medians are told. */
  readonly runs: number;
  /** How long a measurement of lag or latency takes. */
  readonly seconds: number;
  readonly seed: number;
}

export type Case = (options: ReplicateOptions) => Promise<object>;
