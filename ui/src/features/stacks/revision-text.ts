import type { Revision } from "@windflow/proto/client";

export interface RevisionImage {
  /** Its reference; for a built service without one, the service's name. */
  name: string;
  /** Empty when it is not pinned. */
  digest: string;
  built: boolean;
}
/** The images of a revision with what they are pinned to. */
export function imagesOf(revision: Revision): RevisionImage[] {
  const services = (revision.model?.["services"] ?? {}) as Record<string, { image?: string }>;
  const built = new Set(revision.builtServices);
  const digests = revision.imageDigests ?? {};
  const project = (revision.model?.["name"] ?? "") as string;
  const found = new Map<string, RevisionImage>();
  for (const [service, { image }] of Object.entries(services)) {
    const name = image ?? service;
    const digest = digests[name] ?? digests[`${project}-${service}`] ?? "";
    found.set(name, { name, digest, built: built.has(service) });
  }
  for (const [name, digest] of Object.entries(digests)) {
    const known = [...found.values()].some((image) => image.name === name || (image.built && image.digest === digest));
    if (!known) found.set(name, { name, digest, built: false });
  }
  return [...found.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}
