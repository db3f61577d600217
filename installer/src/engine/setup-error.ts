/** A step of the set-up failed; the message says what, `why` the evidence, `fix` what a person can do. */
export class SetupError extends Error {
  readonly why: string;
  readonly fix: string;

  constructor(what: string, why: string, fix: string) {
    super(`${what}: ${why}. ${fix}`);
    this.name = "SetupError";
    this.why = why;
    this.fix = fix;
  }
}
