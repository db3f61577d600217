import { familiarReference, registryOf, repositoryOf } from "@windflow/core";
import {
  type ImageAnswer,
  type ImageQuery,
  type ResolveReply,
  type ResolveRequest,
  SealedBox,
} from "@windflow/proto/agent";
import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/log.ts";
import type { RegistryCredentials } from "../reconcile/engine.ts";
import { type LocalImage, RegistryError, type RegistryEngine } from "./engine.ts";
import { inTime } from "./in-time.ts";
import type { Registries } from "./registries.ts";
import { registryTimeout } from "./registry-words.ts";

/** Asked together; a registry counts requests by address, and more at once are not answered sooner. */
const AT_ONCE = 4;
/** For all registries of one request together: whoever asks waits 5 s, also for what needs no registry. */
const REGISTRIES_MS = 3_500;
/** Only makes sure of what the engine says; without an answer the image counts as one that is nowhere else. */
const CONFIRM_MS = 1_500;

export interface ResolveParts {
  readonly engine: RegistryEngine;
  readonly registries: Pick<Registries, "open">;
  readonly clock: Clock;
  /** e.g. "Docker Engine"; empty while the engine has not answered yet. */
  engineName(): string;
}

/** Says what tags stand for: as the engine has them, else as their registries do. What goes wrong is part of the answer. */
export async function resolveReply(request: ResolveRequest, parts: ResolveParts): Promise<ResolveReply> {
  const images: ImageAnswer[] = [];
  const asking = {
    ...parts,
    credentials: openedBy(request, parts.registries),
    until: parts.clock.now() + REGISTRIES_MS,
  };
  const queries = [...request.images.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queries.shift(); next !== undefined; next = queries.shift()) {
      const [i, query] = next;
      images[i] = await answer(query, asking);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { requestId: request.requestId, images };
}

interface Asking extends ResolveParts {
  /** Registry address → what it is asked with. */
  readonly credentials: ReadonlyMap<string, RegistryCredentials>;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

async function answer(query: ImageQuery, asking: Asking): Promise<ImageAnswer> {
  const { reference } = query;
  const empty = { reference, repositoryDigest: "", imageId: "", platforms: [], problem: "", code: "" };
  try {
    const local = await asking.engine.localImage(reference);
    const fits = local !== undefined && (query.platform === "" || query.platform === local.platform);
    if (fits && !query.askRegistry) {
      const repositoryDigest = await localDigest(reference, local, asking);
      return { ...empty, repositoryDigest, imageId: local.id, platforms: [local.platform] };
    }
    const remote = await askRegistry(reference, asking, REGISTRIES_MS);
    return { ...empty, repositoryDigest: remote.digest, platforms: [...remote.platforms] };
  } catch (error) {
    if (error instanceof RegistryError) return { ...empty, problem: error.sentence, code: error.code };
    return { ...empty, problem: reasonOf(error) };
  }
}

/** The digest under which the image's own repository has it; empty when nobody but this host may have it. */
async function localDigest(reference: string, local: LocalImage, asking: Asking): Promise<string> {
  const repository = `${repositoryOf(familiarReference(reference))}@`;
  const named = local.digests.find((digest) => familiarReference(digest).startsWith(repository));
  if (named === undefined) return "";
  const digest = named.slice(named.indexOf("@") + 1);
  if (cameFromRegistry(local, asking.engineName())) return digest;
  return askRegistry(named, asking, CONFIRM_MS).then(
    () => digest,
    () => "",
  );
}

// Docker's classic store has a repository digest only for what was pulled or pushed. Docker's containerd store (where an image's id is a
// digest of the repository too) and Podman give one to what was loaded or built as well.
function cameFromRegistry(local: LocalImage, engineName: string): boolean {
  return engineName.startsWith("Docker") && !local.digests.some((digest) => digest.endsWith(`@${local.id}`));
}

async function askRegistry(
  reference: string,
  { engine, clock, credentials, until }: Asking,
  atMostMs: number,
): ReturnType<RegistryEngine["remoteImage"]> {
  const address = registryOf(reference);
  const withinMs = Math.min(atMostMs, until - clock.now());
  const late = (): Error => registryTimeout(address, REGISTRIES_MS / 1000);
  if (withinMs <= 0) throw late();
  return inTime(clock, withinMs, late, (signal) =>
    engine.remoteImage(reference, { credentials: credentials.get(address), signal }),
  );
}

function openedBy(
  request: ResolveRequest,
  registries: ResolveParts["registries"],
): ReadonlyMap<string, RegistryCredentials> {
  return request.sealed.length === 0 ? new Map() : registries.open(SealedBox.decode(request.sealed));
}
