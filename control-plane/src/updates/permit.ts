import { ProblemError } from "../platform/index.ts";
import { updatesErrors } from "./errors.ts";

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** The two parts of a permit's text, handed on to agents unread: they check the signature. Empty without one. */
export function readPermit(text: string): { readonly permit: Uint8Array; readonly permitSignature: Uint8Array } {
  if (text === "") return { permit: new Uint8Array(), permitSignature: new Uint8Array() };
  const [permit = "", signature = "", ...more] = text.trim().split(".");
  if (more.length > 0 || !BASE64.test(permit) || !BASE64.test(signature))
    throw new ProblemError({ code: updatesErrors.WF_UPDATE_PERMIT_INVALID });
  return { permit: Buffer.from(permit, "base64"), permitSignature: Buffer.from(signature, "base64") };
}
