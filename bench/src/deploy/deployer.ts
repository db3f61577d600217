/** One side of the comparison; each call returns when the stack is running and healthy (or gone). */
export interface Deployer {
  /** Nothing is there but the images. */
  cold(): Promise<void>;
  /** The same again. */
  noop(): Promise<void>;
  /** One service's environment changes. */
  change(): Promise<void>;
  down(): Promise<void>;
  /** Not measured: leaves nothing behind for the next round. */
  cleanUp(): Promise<void>;
}
