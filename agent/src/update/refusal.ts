import type { RefusalCode } from "./plan.ts";

/** The update is given up until another one is wanted; the message says why, for a person. */
export class UpdateRefusal extends Error {
  override readonly name = "UpdateRefusal";
  readonly code: RefusalCode;
  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
