import type { ComposeModel } from "@windflow/core";
import { stringify } from "yaml";
import { decodeModel, pinnedDigests } from "./body.ts";
import type { ComparedRevision } from "./diff.ts";
import type { Revision } from "./model.ts";

export function comparedRevision({ source, body, bodyDigest }: Revision): ComparedRevision {
  const model = decodeModel(body);
  return {
    source,
    bodyDigest,
    model: stringify(model, { lineWidth: 0 }),
    images: imagesOf(model, pinnedDigests(body)),
  };
}

function imagesOf(model: ComposeModel, pinned: Readonly<Record<string, string>>): Record<string, string> {
  const named = Object.values(model.services).flatMap(({ image }) =>
    image === undefined ? [] : [[image, ""] as const],
  );
  return { ...Object.fromEntries(named), ...pinned };
}
