import type { FetchImageRequest, FetchImageResponse, RegistryAuth, SecretValue } from "@windflow/proto/agent";
import type { FileStore, OpenedFile } from "../files/index.ts";
import { imagesErrors, type AskingHost } from "../images/index.ts";
import { ProblemError, type Clock, type Database, type UnitOfWork } from "../platform/index.ts";
import type { Vault } from "../secrets/index.ts";
import { readBody, secretValues } from "../stacks/index.ts";
import { fileFor, type BuildFiles } from "./desired-files.ts";
import { createDesiredImages, type ImageDelivery } from "./desired-images.ts";
import { emitDesiredStates, rolloutsHeard } from "./events.ts";
import type { Generation } from "./model.ts";
import { registryAuthFor, type BuildRegistries } from "./registry-auth.ts";
import {
  askCorrection,
  raiseStack,
  readDesired,
  readDesiredOf,
  readDesiredSummaries,
  writeRefusal,
  type DesiredStack,
  type DesiredState,
} from "./store-desired.ts";

/** Host → stack → ids of the host's containers that an adoption made the stack's. An adoption begins with the stack, so that no generation is raised for it. */
export type AdoptedContainers = (
  tx: UnitOfWork,
  hostIds: readonly string[],
) => Promise<ReadonlyMap<string, ReadonlyMap<string, string[]>>>;

/** What hosts must run, for the sessions with them. Every unit of work is one of the host's organization. */
export interface DesiredStates {
  /** The complete list; generation n is 0 while nothing was ever wanted of the host. */
  desiredStateFor(tx: UnitOfWork, hostId: string): Promise<DesiredState>;
  /** The same for many, in their order. */
  desiredStatesFor(tx: UnitOfWork, hostIds: readonly string[]): Promise<DesiredState[]>;
  /** The bytes behind digests, in their order; undefined unless the host's own desired state names it. */
  bodiesFor(
    tx: UnitOfWork,
    wanted: readonly { readonly hostId: string; readonly digest: string }[],
  ): Promise<(Uint8Array | undefined)[]>;
  /** The secrets of a revision as text, to be sealed to the host; undefined unless the host must run that revision. */
  secretsFor(tx: UnitOfWork, hostId: string, stackId: string, revision: number): Promise<SecretValue[] | undefined>;
  /** A file that the host's desired state or a build on it names. */
  fileFor(
    tx: UnitOfWork,
    hostId: string,
    wanted: { readonly digest: string; readonly buildId: string },
  ): Promise<OpenedFile | undefined>;
  /** An image that its desired state names, for a host whose engine cannot pull it. In units of work of its own. */
  imageFor(host: AskingHost, request: FetchImageRequest): Promise<FetchImageResponse>;
  /** What tickets for layers are signed with; empty where there are no images to deliver. */
  ticketKey(organizationId: string): Uint8Array;
  /** Digests of images of registries that any desired state of the organization names. */
  namedDigests(tx: UnitOfWork): Promise<ReadonlySet<string>>;
  /** Credentials for the registries that its images come from. */
  registryAuthFor(
    tx: UnitOfWork,
    hostId: string,
    wanted: { readonly registries: readonly string[]; readonly buildId: string },
  ): Promise<RegistryAuth[]>;
  /** The host's answer to a desired state. A refusal fails what waits for it. */
  answered(reply: {
    readonly organizationId: string;
    readonly hostId: string;
    readonly generation: Generation;
    readonly refused?: string;
    readonly code?: string;
  }): Promise<void>;
  /** The stack's policy changed: its hosts are told. */
  carryPolicy(tx: UnitOfWork, stack: { readonly id: string; readonly organizationId: string }): Promise<void>;
  /** Asks a host to put right what differs of the stack; another `correct` than before does it once. False when it must not run it. */
  askCorrection(
    tx: UnitOfWork,
    wanted: {
      readonly organizationId: string;
      readonly hostId: string;
      readonly stackId: string;
      readonly correct: string;
    },
  ): Promise<boolean>;
  desiredOf(
    tx: UnitOfWork,
    hostIds: readonly string[],
  ): Promise<Map<string, { generation: string; stacksTotal: number }>>;
}

export function createDesiredStates(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly files: FileStore;
  readonly term: bigint;
  readonly buildFiles?: BuildFiles;
  readonly buildRegistries?: BuildRegistries;
  readonly adopted?: AdoptedContainers;
  readonly images?: ImageDelivery;
}): DesiredStates {
  const { database, clock, vault, files, term } = parts;
  const images = createDesiredImages();
  const imageHolders = async (tx: UnitOfWork, hostId: string): Promise<readonly string[]> =>
    parts.images?.holdersOf(tx, await images.ofHost(tx, hostId)) ?? [];
  const nothing: DesiredState = { generation: { term, n: 0n }, stacks: [] };

  async function desiredStatesFor(tx: UnitOfWork, hostIds: readonly string[]): Promise<DesiredState[]> {
    const states = await readDesiredOf(tx, hostIds);
    const adopted = states.size === 0 ? undefined : await parts.adopted?.(tx, hostIds);
    return hostIds.map((hostId) => {
      const desired = states.get(hostId);
      const own = adopted?.get(hostId);
      if (desired === undefined || own === undefined) return desired ?? nothing;
      const withAdopted = (stack: DesiredStack): DesiredStack => ({
        ...stack,
        adoptedContainerIds: own.get(stack.stackId) ?? [],
      });
      return { ...desired, stacks: desired.stacks.map(withAdopted) };
    });
  }

  return {
    desiredStatesFor,
    desiredStateFor: async (tx, hostId) => (await desiredStatesFor(tx, [hostId]))[0] ?? nothing,
    bodiesFor: async (tx, wanted) => {
      const states = await readDesiredOf(tx, [...new Set(wanted.map(({ hostId }) => hostId))]);
      // Many hosts ask for the same one: it is read once.
      const bodies = new Map<string, Uint8Array | undefined>();
      const answers: (Uint8Array | undefined)[] = [];
      for (const { hostId, digest } of wanted) {
        const stack = states.get(hostId)?.stacks.find((one) => one.bodyDigest === digest);
        if (stack !== undefined && !bodies.has(digest))
          bodies.set(digest, await readBody(tx, stack.stackId, stack.revision, digest));
        answers.push(stack && bodies.get(digest));
      }
      return answers;
    },
    secretsFor: async (tx, hostId, stackId, revision) => {
      const desired = await readDesired(tx, hostId);
      const wanted = desired?.stacks.some((one) => one.stackId === stackId && one.revision === revision);
      if (wanted !== true || tx.organizationId === undefined) return undefined;
      return secretValues(tx, vault, { organizationId: tx.organizationId, stackId, number: revision });
    },
    fileFor: (tx, hostId, wanted) =>
      fileFor(tx, { files, buildFiles: parts.buildFiles, imageHolders }, { hostId, ...wanted }),
    imageFor: async (host, request) => {
      if (parts.images === undefined) throw new ProblemError({ code: imagesErrors.WF_IMAGE_NOT_DESIRED });
      return parts.images.imageFor(host, request, images.names);
    },
    ticketKey: (organizationId) => parts.images?.signerOf(organizationId).publicKey ?? new Uint8Array(),
    namedDigests: (tx) => images.allDigests(tx),
    registryAuthFor: (tx, hostId, wanted) =>
      registryAuthFor(tx, vault, { hostId, buildRegistries: parts.buildRegistries }, wanted),
    answered: async ({ organizationId, hostId, generation, refused = "", code = "" }) => {
      // Taken is seen again in the next observed state.
      if (refused === "") return;
      const cause = code === "" ? refused : `${code}: ${refused}`;
      await database.inOrganization(organizationId, async (tx) => {
        await writeRefusal(tx, hostId, { generation, cause });
        tx.emit(rolloutsHeard, { organizationId, hostId });
      });
    },
    carryPolicy: async (tx, { id, organizationId }) => {
      const hostIds = await raiseStack(tx, id, { term, at: clock.now() });
      emitDesiredStates(tx, { organizationId, hostIds, sameRevisions: true });
    },
    askCorrection: async (tx, { organizationId, hostId, stackId, correct }) => {
      const asked = await askCorrection(tx, { hostId, stackId, correct }, { term, at: clock.now() });
      if (asked) emitDesiredStates(tx, { organizationId, hostIds: [hostId], sameRevisions: true });
      return asked;
    },
    desiredOf: async (tx, hostIds) => {
      const summaries = await readDesiredSummaries(tx, hostIds);
      return new Map(
        [...summaries].map(([hostId, { generation, stacksTotal }]) => [
          hostId,
          { generation: `${generation.term}.${generation.n}`, stacksTotal },
        ]),
      );
    },
  };
}
