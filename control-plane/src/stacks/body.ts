import { canonicalJson, imageReferenceOf, secretReferences, sha256Digest, type ComposeModel } from "@windflow/core";
import { StackBody, type ResolvedImage, type StackFile } from "@windflow/proto/agent";

/** The bytes that hosts receive for a revision, with the digest that names them. */
export interface EncodedBody {
  readonly bytes: Uint8Array;
  /** `sha256:…` over `bytes`. */
  readonly digest: string;
}

/** Encodes the body of a revision. Called once per revision: the bytes are stored, and nobody encodes them again. */
export function encodeBody(revision: {
  readonly stackId: string;
  readonly stackName: string;
  readonly number: number;
  readonly model: ComposeModel;
  /** What hosts need of the source beside the model. */
  readonly files: readonly StackFile[];
  /** Of those, the compose files in merge order; none when the source does not travel. */
  readonly composeFiles: readonly string[];
  /** What is known of its images; each host finds out about the others by itself. */
  readonly images: readonly ResolvedImage[];
  readonly privilegedServices: readonly string[];
}): EncodedBody {
  const { model } = revision;
  const bytes = StackBody.encode({
    stackId: revision.stackId,
    stackName: revision.stackName,
    project: model.name,
    revision: revision.number,
    modelJson: Buffer.from(canonicalJson(model)),
    files: [...revision.files],
    images: [...revision.images],
    secrets: secretReferences(model).map(({ name, version }) => `${name}@${version}`),
    privilegedServices: [...revision.privilegedServices],
    composeFiles: [...revision.composeFiles],
  }).finish();
  return { bytes, digest: sha256Digest(bytes) };
}

export function decodeModel(body: Uint8Array): ComposeModel {
  return JSON.parse(Buffer.from(StackBody.decode(body).modelJson).toString("utf8")) as ComposeModel;
}

/** Image reference → the digest that every host runs of it; without those that each host resolves by itself. */
export function pinnedDigests(body: Uint8Array): Record<string, string> {
  const pinned = StackBody.decode(body).images.flatMap(({ reference, platforms }): [string, string][] => {
    const digest = platforms.map((one) => one.manifestDigest || one.configDigest).find((one) => one !== "");
    return digest === undefined ? [] : [[reference, digest]];
  });
  return Object.fromEntries(pinned);
}

/** Services whose image was built for the revision: it is in no registry. */
export function builtServices(body: Uint8Array): string[] {
  const { images } = StackBody.decode(body);
  const built = new Set(
    images
      .filter(({ platforms }) => platforms.some(({ layers }) => layers.length > 0))
      .map(({ reference }) => reference),
  );
  const { name: project, services } = decodeModel(body);
  return Object.entries(services).flatMap(([name, service]) =>
    service.build !== undefined && built.has(imageReferenceOf(project, name, service)) ? [name] : [],
  );
}
