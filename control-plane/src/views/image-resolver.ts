import { registryOf } from "@windflow/core";
import type { ImageAnswer, ImageQuery, ResolvedImage, ResolveReply } from "@windflow/proto/agent";
import { listHostSummaries, readSealingKey } from "../hosts/index.ts";
import { ProblemError, type Clock, type Database, type UnitOfWork } from "../platform/index.ts";
import { credentialsFor, registriesErrors, type RegistryCredential } from "../registries/index.ts";
import { placeStack, type Placing } from "../rollouts/index.ts";
import type { Vault } from "../secrets/index.ts";
import type { ImageReference, ImageResolver } from "../stacks/index.ts";
import { placementSight } from "./placement-sight.ts";
import { sealedCredentials } from "./sealed-credentials.ts";

/** The part of the agents' gateway that asks what tags stand for. */
export interface ResolveGateway {
  isConnected(hostId: string): boolean;
  resolveImages(
    hostId: string,
    asked: { readonly images: readonly ImageQuery[]; readonly sealed: Uint8Array },
    signal?: AbortSignal,
  ): Promise<ResolveReply>;
}

/** The control plane's own way to registries. */
export interface ResolvesHere {
  /** @returns the digest that the tag stands for. @throws ProblemError when its registry does not say. */
  resolve(organizationId: string, reference: string, signal: AbortSignal): Promise<string>;
}

interface Answer {
  readonly images: ResolvedImage[];
  readonly unresolved: Unresolved;
  /** References whose registry the host does not reach. */
  readonly unreached: ReadonlySet<string>;
}
type Unresolved = Awaited<ReturnType<ImageResolver["resolve"]>>["unresolved"];

// A person waits for the revision; what is not known by then each host finds out when it pulls.
const TOTAL_MS = 5_000;
// The same again for what the host's registries did not say.
const HERE_MS = 5_000;
const HERE_AT_ONCE = 4;
// A registry is asked for one image at a time, four at once: more than these would not come in time anyway.
const MAX_IMAGES = 200;
// The next is asked when one has just gone; after that many it is the network.
const MAX_HOSTS = 3;
// A sentence for a person; it comes from a host.
const MAX_WHY_CHARACTERS = 500;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const EVERY_TAG = "every tag";

/**
 * Asks one connected host of the stack's placement; its answer is what all hosts will run. What it does not have, and
 * whose registry it does not reach, is asked from here.
 */
export function createImageResolver(parts: {
  readonly database: Database;
  readonly vault: Vault;
  readonly gateway: ResolveGateway;
  readonly clock: Clock;
  readonly here: ResolvesHere;
}): ImageResolver {
  const { database, vault, gateway, clock, here } = parts;

  /** What the host has not and cannot ask for, asked from here. */
  async function askHere(organizationId: string, answer: Answer, signal: AbortSignal): Promise<Answer> {
    const queue = [...answer.unreached];
    const found = new Map<string, string>();
    const worker = async (): Promise<void> => {
      for (let reference = queue.shift(); reference !== undefined; reference = queue.shift()) {
        // Where there is no way to it from here either, the host's own sentence says more.
        const digest = await here.resolve(organizationId, reference, signal).catch(() => undefined);
        if (digest !== undefined) found.set(reference, digest);
      }
    };
    await Promise.all(Array.from({ length: HERE_AT_ONCE }, worker));
    return {
      ...answer,
      images: [...answer.images, ...[...found].map(([reference, digest]) => pinned(reference, digest))],
      unresolved: answer.unresolved.filter(({ reference }) => !found.has(reference)),
    };
  }

  return {
    resolve: async (caller, { stack, hasSecrets, images, signal }) => {
      const asked = images.slice(0, MAX_IMAGES);
      const registries = [...new Set(asked.map(({ reference }) => registryOf(reference)))];
      const work = async (tx: UnitOfWork) => {
        const hosts = await hostsFor(tx, gateway, {
          stack,
          revision: stack.latestRevision,
          hasSecrets,
          now: clock.now(),
        });
        return { hosts, credentials: hosts.length === 0 ? [] : await credentialsFor(tx, vault, registries) };
      };
      const found = await database.inOrganization(caller, work, { readOnly: true });
      if (found.hosts.length === 0) {
        const why = "no host that the stack belongs on is connected; each host finds out for itself when it pulls";
        return { images: [], unresolved: [{ reference: EVERY_TAG, why }] };
      }
      const late = AbortSignal.timeout(TOTAL_MS);
      const told = await ask(gateway, found, asked, signal === undefined ? late : AbortSignal.any([signal, late]));
      const patience = AbortSignal.timeout(HERE_MS);
      const answer = await askHere(
        caller.organizationId,
        told,
        signal === undefined ? patience : AbortSignal.any([signal, patience]),
      );
      signal?.throwIfAborted();
      const beyond = images
        .slice(MAX_IMAGES)
        .map(({ reference }) => ({ reference, why: `only ${MAX_IMAGES} images of a revision are pinned` }));
      return { images: answer.images, unresolved: [...answer.unresolved, ...beyond] };
    },
  };
}

interface AskedHost {
  readonly hostId: string;
  readonly hostName: string;
  readonly sealingKey: Uint8Array;
}

/** Hosts that the stack belongs on, the one to ask first in front: one that is connected to this control plane before others. */
async function hostsFor(tx: UnitOfWork, gateway: ResolveGateway, placing: Placing): Promise<AskedHost[]> {
  const online = (await listHostSummaries(tx)).filter((host) => host.presence === "online");
  const onlineIds = new Set(online.map(({ hostId }) => hostId));
  const placed = (await placeStack(tx, placementSight, placing)).chosen.filter(({ hostId }) => onlineIds.has(hostId));
  // Other engines know only what they have pulled.
  const able = new Set(online.filter((host) => host.capabilities.includes("docker")).map((host) => host.hostId));
  const rank = ({ hostId }: { hostId: string }): number =>
    (able.has(hostId) ? 0 : 2) + (gateway.isConnected(hostId) ? 0 : 1);
  const chosen = placed.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_HOSTS);
  const asked: AskedHost[] = [];
  for (const { hostId, name } of chosen) {
    const sealingKey = await readSealingKey(tx, hostId);
    if (sealingKey !== undefined) asked.push({ hostId, hostName: name, sealingKey });
  }
  return asked;
}

async function ask(
  gateway: ResolveGateway,
  { hosts, credentials }: { readonly hosts: readonly AskedHost[]; readonly credentials: readonly RegistryCredential[] },
  images: readonly ImageReference[],
  signal: AbortSignal,
): Promise<Answer> {
  const queries = images.map(({ reference, platform, askRegistry }) => ({ reference, platform, askRegistry }));
  let why = "";
  for (const host of hosts) {
    try {
      const sealed = sealedCredentials(host, credentials);
      return read(images, (await gateway.resolveImages(host.hostId, { images: queries, sealed }, signal)).images, host);
    } catch (error) {
      const reason = error instanceof ProblemError ? error.detail : `it did not answer within ${TOTAL_MS / 1000} s`;
      why = `${host.hostName} was asked, but ${reason}`;
      if (signal.aborted) break;
    }
  }
  return { images: [], unresolved: [{ reference: EVERY_TAG, why }], unreached: new Set() };
}

/** What the host answered, as far as it can be used: it is a host's word. */
function read(images: readonly ImageReference[], answers: readonly ImageAnswer[], host: AskedHost): Answer {
  const digests = new Map<string, string>();
  const unresolved = new Map<string, string>();
  const unreached = new Set<string>();
  for (const [i, { reference }] of images.entries()) {
    const answer = answers[i];
    if (answer?.reference !== reference) {
      unresolved.set(reference, `${host.hostName} did not answer for it`);
    } else if (answer.problem !== "") {
      const code = answer.code === "" ? "" : ` (${answer.code})`;
      if (answer.code === registriesErrors.WF_REGISTRY_UNREACHABLE.code) unreached.add(reference);
      unresolved.set(reference, `${host.hostName}: ${answer.problem.slice(0, MAX_WHY_CHARACTERS)}${code}`);
    } else if (DIGEST.test(answer.repositoryDigest)) {
      const before = digests.get(reference);
      if (before !== undefined && before !== answer.repositoryDigest)
        unresolved.set(reference, `${host.hostName} has different images of that name for different platforms`);
      digests.set(reference, answer.repositoryDigest);
    }
    // Neither: the image is on the host and in no registry. What hosts were given by hand is theirs.
  }
  return {
    images: [...digests]
      .filter(([reference]) => !unresolved.has(reference))
      .map(([reference, digest]) => pinned(reference, digest)),
    unresolved: [...unresolved].map(([reference, why]) => ({ reference, why })),
    unreached,
  };
}

function pinned(reference: string, manifestDigest: string): ResolvedImage {
  // Of an index, or of the only manifest: it holds for every platform.
  return {
    reference,
    platforms: [{ platform: "", manifestDigest, configDigest: "", layers: [], configSizeBytes: 0n }],
  };
}
