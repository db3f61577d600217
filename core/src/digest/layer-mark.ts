import { sha256Digest } from "./sha256.ts";

/**
 * Says to a host that builds that a layer need not be sent, and only to one that has it: the digest cannot be taken from the mark.
 * Digests themselves would let a host claim layers of other stacks as its own, and be given them with the next revision.
 */
export function layerMark(digest: string): string {
  return sha256Digest(`windflow known layer ${digest}`);
}
