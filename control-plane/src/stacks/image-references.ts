import type { ComposeModel } from "@windflow/core";
import type { ImageReference } from "./ports.ts";

// Nothing is pulled under these.
const NEVER_PULLED = ["never", "build"];

/** The images that hosts will pull by a tag, each once for each platform. */
export function imageReferences(model: ComposeModel): ImageReference[] {
  const found = new Map<string, ImageReference>();
  for (const [service, { image, build, platform = "", pull_policy: policy = "" }] of Object.entries(model.services)) {
    if (image === undefined || build !== undefined || NEVER_PULLED.includes(policy)) continue;
    // A digest says already what it stands for.
    if (image.includes("@")) continue;
    const key = JSON.stringify([image, platform]);
    const before = found.get(key);
    found.set(key, {
      reference: image,
      platform,
      askRegistry: before?.askRegistry === true || policy === "always",
      services: [...(before?.services ?? []), service],
    });
  }
  return [...found.values()];
}
