import type { Database } from "../platform/index.ts";
import { SENT_PIECE_BYTES } from "./model.ts";
import { readPiece } from "./store.ts";

/** What is stored of a file from an offset on, in pieces of at most 64 kB. No transaction is open while the reader is slow. */
export async function* readPieces(
  database: Database,
  organizationId: string,
  digest: string,
  offset: number,
): AsyncGenerator<Uint8Array> {
  for (let at = offset; ;) {
    const from = at;
    const rest = await database.inOrganization(organizationId, (tx) => readPiece(tx, organizationId, digest, from), {
      readOnly: true,
    });
    if (rest === undefined) return;
    for (let start = 0; start < rest.length; start += SENT_PIECE_BYTES) {
      yield rest.subarray(start, start + SENT_PIECE_BYTES);
    }
    at += rest.length;
  }
}
