import { sha256Digest } from "@windflow/core";
import { AgentError } from "../errors.ts";
import type { WantedContent } from "../files/content-store.ts";
import { isRecord } from "../state/json-record.ts";

/** One layer as the registry has it, and what it unpacks to. */
export interface RegistryLayer extends WantedContent {
  /** Of the uncompressed tar, as engines know it. */
  readonly diffId: string;
  readonly isZstd: boolean;
}

/** An image as its registry has it. Every document was checked against the digest that names it. */
export interface RegistryImage {
  /** Of the index or manifest that the revision is pinned to. */
  readonly topDigest: string;
  readonly topType: string;
  readonly manifestDigest: string;
  readonly configDigest: string;
  /** Index, manifest, configuration; without the index where the top is the manifest. */
  readonly documents: readonly { readonly digest: string; readonly bytes: Uint8Array }[];
  /** Base first; one that is there twice is twice here. */
  readonly layers: readonly RegistryLayer[];
}

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MOST_DOCUMENTS = 3;

/**
 * Reads what the control plane gave for a digest. Nothing that it says is believed: the digest names the first document, and each
 * document the next one.
 * @throws AgentError WF_IMAGE_DAMAGED
 */
export function readDelivered(digest: string, given: readonly Uint8Array[]): RegistryImage {
  if (given.length < 2 || given.length > MOST_DOCUMENTS) throw damaged(digest, `${given.length} documents came`);
  const documents = given.map((bytes) => ({ digest: sha256Digest(bytes), bytes, json: parse(digest, bytes) }));
  const [top] = documents;
  const [manifest, config] = documents.slice(-2);
  if (top === undefined || manifest === undefined || config === undefined || top.digest !== digest)
    throw damaged(digest, "it does not begin with what the digest names");
  if (top !== manifest && !list(top.json["manifests"]).some((one) => one["digest"] === manifest.digest))
    throw damaged(digest, "the index does not name the manifest");
  const { config: named, mediaType } = manifest.json;
  if (!isRecord(named) || named["digest"] !== config.digest)
    throw damaged(digest, "the manifest does not name the configuration");
  const { rootfs } = config.json;
  const diffIds = isRecord(rootfs) && Array.isArray(rootfs["diff_ids"]) ? (rootfs["diff_ids"] as unknown[]) : [];
  const layers = list(manifest.json["layers"]).map((layer, i) => {
    const [own, size, diffId] = [layer["digest"], layer["size"], diffIds[i]];
    if (!isDigest(own) || !isDigest(diffId) || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
      throw damaged(digest, `its layer ${i + 1} has no digest or no size`);
    return { digest: own, sizeBytes: size, diffId, isZstd: /[+.]zstd$/.test(String(layer["mediaType"])) };
  });
  if (layers.length !== diffIds.length) throw damaged(digest, "manifest and configuration name different layers");
  const fallback = top === manifest ? OCI_MANIFEST : OCI_INDEX;
  const topType = top === manifest ? mediaType : top.json["mediaType"];
  return {
    topDigest: digest,
    topType: typeof topType === "string" ? topType : fallback,
    manifestDigest: manifest.digest,
    configDigest: config.digest,
    documents: documents.map(({ digest: own, bytes }) => ({ digest: own, bytes })),
    layers,
  };
}

function parse(digest: string, bytes: Uint8Array): Partial<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    throw damaged(digest, "a document is no JSON");
  }
  if (isRecord(value)) return value;
  throw damaged(digest, "a document is no JSON object");
}

function list(value: unknown): Partial<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function isDigest(value: unknown): value is string {
  return typeof value === "string" && DIGEST.test(value);
}

function damaged(digest: string, why: string): AgentError {
  return new AgentError("WF_IMAGE_DAMAGED", `What came for the image ${digest} is refused: ${why}.`);
}
