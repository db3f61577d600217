import { join } from "node:path";
import { type DesiredStack, type DesiredWorld, sha256Digest } from "@windflow/core";
import type { DesiredState, Generation, SealedBox, StackBody } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import type { RevisionFiles } from "../files/index.ts";
import { makePrivateFolder } from "../platform/durable-file.ts";
import type { FileContent } from "../reconcile/engine.ts";
import { openBodyFiles } from "./body-files.ts";
import { type StoredDesired, type StoredStack, departedAfter, loadDesired, saveDesired } from "./desired-file.ts";
import type { DesiredFiles, Refusal } from "./desired-files.ts";
import { type BodyReader, desiredStack } from "./desired-world.ts";
import { gateProbes, hostPolicy } from "./host-policy.ts";
import type { KeptRevision } from "./kept-file.ts";
import { openKeptRevisions } from "./kept-revisions.ts";
import { compareGenerations, formatGeneration } from "./generation.ts";
import { policyRefusal, readLocalPolicy } from "./local-policy.ts";
import { type RevisionKey, openSecretFiles } from "./secret-files.ts";

/** Where missing parts of a desired state come from. */
export interface DesiredSource {
  body(digest: string): Promise<Uint8Array>;
  /** undefined when the revision has none. */
  secrets(key: RevisionKey): Promise<SealedBox | undefined>;
  /** From an offset on. */
  file(digest: string, offset: number): AsyncIterable<Uint8Array>;
}

export interface DesiredStoreOptions {
  readonly folder: string;
  readonly organizationId: string;
  readonly sealingPrivateKey: Uint8Array;
  readonly policyFile: string;
  /** How bodies are read for this host. */
  readonly reader: BodyReader;
  readonly files: DesiredFiles;
  /** Why the stack's own files cannot be used here; undefined when they can. */
  readonly filesProblem: (stack: DesiredStack) => string | undefined;
}

/** What the host must run, with everything that running it takes, on disk. */
export interface DesiredStore {
  /** What the host has whole; undefined also when a part is damaged, so that the control plane sends it again. */
  readonly generation: Generation | undefined;
  /**
   * undefined while nothing was ever wanted.
   * @throws AgentError WF_STATE_UNREADABLE, WF_BODY_INVALID when what is on disk is damaged: nothing may be touched then.
   */
  world(): DesiredWorld | undefined;
  /**
   * Takes a newer desired state: fetches what is missing, checks it, and stores it. Durable when it resolves.
   * @returns why a stack, new in this state, is not run here although the others are: the host's own policy, or no room for its files.
   * @throws AgentError WF_OLDER_GENERATION, WF_BODY_INVALID, WF_SECRETS_UNAVAILABLE, WF_LOCAL_POLICY (a policy that cannot be
   * read); nothing is changed then.
   */
  take(state: DesiredState, source: DesiredSource): Promise<Refusal | undefined>;
  /** A body as the planner takes it, without storing it. @throws AgentError */
  preview(body: StackBody): DesiredStack;
  /** Why the stack cannot run here, by the host's own policy as it stands now or for want of its files; or undefined. @throws AgentError WF_LOCAL_POLICY when the policy cannot be read. */
  refusal(stack: DesiredStack): string | undefined;
  secretText(key: RevisionKey, reference: string): string | undefined;
  /** The stack runs as it should: its revision is kept for the way back. */
  noteRan(stack: DesiredStack): void;
  /** Revisions of a stack, or of all, that the host can go back to, of each the one that ran last first; those that cannot be read are left out. */
  kept(stackId?: string): readonly DesiredStack[];
  /** All of them, of every stack. */
  readonly keptKeys: readonly RevisionKey[];
  /** The revision that the control plane wants, held or not; undefined when it wants none. */
  wanted(stackId: string): number | undefined;
  /** The revision that root on the host holds it at; undefined when nobody does. */
  heldRevision(stackId: string): number | undefined;
  /** Durable when it returns: from then on the host runs this revision whatever is wanted. @throws AgentError WF_REVISION_NOT_KEPT */
  hold(stackId: string, revision: number, now: number): void;
  /** What is wanted counts again; false when nobody held it. */
  release(stackId: string): boolean;
  /** undefined when the revision has no file with this content. */
  content(stack: { readonly bodyDigest: string }, digest: string): FileContent | undefined;
  /** @throws AgentError WF_BODY_INVALID when the body is damaged on disk. */
  filesOf(stack: { readonly bodyDigest: string }): RevisionFiles;
  /** Looks whether the files of a stack are still what was fetched; those that are not come again with the next connection. */
  recheckFiles(stack: { readonly bodyDigest: string }): Promise<void>;
}

const NOT_FETCHED: Refusal = {
  code: "WF_FILES_UNAVAILABLE",
  reason: "Its files are not on this host any more; they are fetched again with the next connection.",
};

function storedStack(stack: DesiredState["stacks"][number]): StoredStack {
  const { stackId, revision, bodyDigest, adoptedContainerIds: adopted, attempt, recreateVolumes, correct } = stack;
  const policy = hostPolicy(stack.policy);
  const probes = gateProbes(stack.probes);
  return {
    stackId,
    revision,
    bodyDigest,
    ...(adopted.length > 0 ? { adopted } : {}),
    ...(attempt === "" ? {} : { attempt }),
    ...(recreateVolumes.length > 0 ? { recreateVolumes } : {}),
    ...(policy === undefined ? {} : { policy }),
    ...(probes.length > 0 ? { probes } : {}),
    ...(correct === "" ? {} : { correct }),
    ...(stack.overrideHold ? { overrideHold: true } : {}),
  };
}

function isSameOverride(before: StoredStack | undefined, next: StoredStack): boolean {
  return before?.overrideHold === true && before.revision === next.revision && before.attempt === next.attempt;
}

export function openDesiredStore(options: DesiredStoreOptions): DesiredStore {
  const { folder, files } = options;
  makePrivateFolder(folder);
  const bodies = openBodyFiles(join(folder, "bodies"));
  const secrets = openSecretFiles(join(folder, "secrets"), options.sealingPrivateKey);
  const keptRevisions = openKeptRevisions(folder);
  const parsed = new Map<string, DesiredStack>();
  let stored: StoredDesired | undefined;
  let damage: AgentError | undefined;
  let world: DesiredWorld | undefined;
  /** By the digest of the body: what was told of stacks when they were taken, and what stands in the way of those that lack files. */
  const told = new Map<string, Refusal>();
  const lacking = new Map<string, Refusal>();
  try {
    stored = loadDesired(folder);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    damage = error;
  }

  const buildStack = (stack: StoredStack): DesiredStack => {
    const { bodyDigest, adopted = [], attempt = "", recreateVolumes = [], policy, probes, correct, held } = stack;
    return {
      ...desiredStack(bodies.read(bodyDigest), bodyDigest, options.reader),
      adopted,
      attempt,
      recreateVolumes,
      ...(policy === undefined ? {} : { policy }),
      ...(probes === undefined ? {} : { probes }),
      ...(correct === undefined ? {} : { correct }),
      ...(held === undefined ? {} : { held }),
    };
  };
  // Whoever compares generations has to see that a hold began or ended.
  const generationText = (desired: StoredDesired): string =>
    [
      formatGeneration(desired.generation),
      ...keptRevisions.holds.map(({ stackId, revision, at }) => `${stackId}@${revision}:${at}`),
    ].join(" held ");
  const build = (desired: StoredDesired): DesiredWorld => ({
    organizationId: options.organizationId,
    generation: generationText(desired),
    stacks: keptRevisions.effective(desired.stacks, desired.departed).map(buildStack),
    departed: desired.departed ?? [],
  });
  const findLacking = (desired: StoredDesired): void => {
    lacking.clear();
    for (const { bodyDigest } of keptRevisions.effective(desired.stacks))
      if (!files.isWhole(bodies.read(bodyDigest))) lacking.set(bodyDigest, told.get(bodyDigest) ?? NOT_FETCHED);
    // Room for the trees was missing, not for what is fetched.
    for (const [bodyDigest, refused] of told) if (refused.code !== "WF_LOCAL_POLICY") lacking.set(bodyDigest, refused);
  };
  const byPolicy = (stack: DesiredStack): string | undefined =>
    policyRefusal(readLocalPolicy(options.policyFile), stack);
  const refusal = (stack: DesiredStack): string | undefined =>
    byPolicy(stack) ?? lacking.get(stack.bodyDigest)?.reason ?? options.filesProblem(stack);
  const refusalAtTake = async (stack: DesiredStack, source: DesiredSource): Promise<Refusal | undefined> => {
    const reason = byPolicy(stack);
    if (reason !== undefined) return { code: "WF_LOCAL_POLICY", reason };
    return files.bring(stack, bodies.read(stack.bodyDigest), (digest, offset) => source.file(digest, offset));
  };

  const admit = async (stack: DesiredState["stacks"][number], source: DesiredSource): Promise<void> => {
    if (!bodies.has(stack.bodyDigest)) bodies.store(stack.bodyDigest, await source.body(stack.bodyDigest));
    const body = bodies.read(stack.bodyDigest);
    if (body.stackId !== stack.stackId || body.revision !== stack.revision) {
      throw new AgentError(
        "WF_BODY_INVALID",
        `The body ${stack.bodyDigest} is of ${body.stackId} revision ${body.revision}, not of ${stack.stackId} revision ${stack.revision}.`,
      );
    }
    if (body.secrets.length > 0 && !secrets.has(stack)) {
      const box = await source.secrets(stack);
      if (box === undefined)
        throw new AgentError(
          "WF_SECRETS_UNAVAILABLE",
          `The control plane gave no secrets for ${body.stackName} revision ${body.revision}.`,
        );
      secrets.store(stack, box);
    }
  };

  const keptStack = ({ bodyDigest }: KeptRevision): DesiredStack | undefined => {
    try {
      const known = parsed.get(bodyDigest) ?? desiredStack(bodies.read(bodyDigest), bodyDigest, options.reader);
      parsed.set(bodyDigest, known);
      return known;
    } catch {
      return undefined;
    }
  };

  const readWorld = (): DesiredWorld | undefined => {
    if (damage !== undefined) throw damage;
    if (world === undefined && stored !== undefined) {
      findLacking(stored);
      world = build(stored);
    }
    return world;
  };
  const isWhole = (): boolean => {
    try {
      // What was refused is not missed; what is missing otherwise is sent for again.
      return readWorld() !== undefined && [...lacking.keys()].every((digest) => told.has(digest));
    } catch {
      return false;
    }
  };

  return {
    get generation() {
      return isWhole() ? stored?.generation : undefined;
    },
    world: readWorld,
    take: async (state, source) => {
      const generation = state.generation ?? { term: 0n, n: 0n };
      const age = stored === undefined ? 1 : compareGenerations(generation, stored.generation);
      if (age === 0 && isWhole()) return undefined;
      if (age < 0) {
        throw new AgentError(
          "WF_OLDER_GENERATION",
          `The desired state ${formatGeneration(generation)} is older than ${stored ? formatGeneration(stored.generation) : ""}, which this host has.`,
        );
      }
      for (const stack of state.stacks) await admit(stack, source);
      const stacks = state.stacks.map(storedStack);
      const next: StoredDesired = { generation, stacks, departed: departedAfter(stored, stacks) };
      const refusals = new Map<string, Refusal>();
      // Also of what is held here for now: the link is there now, and may not be when the hold ends.
      for (const stack of next.stacks.map(buildStack)) {
        const refused = await refusalAtTake(stack, source);
        if (refused !== undefined) refusals.set(stack.bodyDigest, refused);
      }
      const before = new Map(stored?.stacks.map((stack) => [stack.stackId, stack]));
      // Each override ends the hold that it met, and none that came after it.
      for (const stack of stacks)
        if (stack.overrideHold === true && !isSameOverride(before.get(stack.stackId), stack))
          keptRevisions.release(stack.stackId);
      told.clear();
      for (const [digest, refused] of refusals) told.set(digest, refused);
      const nextWorld = build(next);
      findLacking(next);
      // A stack that was refused before is not told again, unless somebody asks anew: it would spoil the answer to a change of another.
      const asked = ({ bodyDigest, attempt = "" }: StoredStack): string => `${bodyDigest} ${attempt}`;
      const askedBefore = new Set(stored?.stacks.map(asked));
      const refused = next.stacks
        .filter((stack) => !askedBefore.has(asked(stack)))
        .flatMap(({ bodyDigest }) => refusals.get(bodyDigest) ?? []);
      saveDesired(folder, next);
      // What the previous state needed stays for one more generation, so that going back costs no transfer.
      const needed = [...(stored?.stacks ?? []), ...next.stacks, ...keptRevisions.prune(next.stacks)];
      stored = next;
      world = nextWorld;
      parsed.clear();
      const digests = new Set(needed.map((stack) => stack.bodyDigest));
      bodies.keepOnly(digests);
      files.keepOnly([...digests].filter((digest) => bodies.has(digest)).map((digest) => bodies.read(digest)));
      secrets.keepOnly(needed);
      damage = undefined;
      const [first] = refused;
      return first && { code: first.code, reason: refused.map(({ reason }) => reason).join(" ") };
    },
    preview: (body) => desiredStack(body, sha256Digest(body.modelJson), options.reader),
    refusal,
    secretText: (key, reference) => secrets.text(key, reference),
    noteRan: (stack) => void keptRevisions.noteRan(stack),
    kept: (stackId) =>
      keptRevisions.revisions
        .filter((one) => stackId === undefined || one.stackId === stackId)
        .flatMap((one) => keptStack(one) ?? []),
    get keptKeys() {
      return keptRevisions.revisions;
    },
    wanted: (stackId) => stored?.stacks.find((stack) => stack.stackId === stackId)?.revision,
    heldRevision: (stackId) => keptRevisions.holds.find((hold) => hold.stackId === stackId)?.revision,
    hold: (stackId, revision, now) => {
      const kept = keptRevisions.revisions.find((one) => one.stackId === stackId && one.revision === revision);
      if (kept === undefined || keptStack(kept) === undefined)
        throw new AgentError(
          "WF_REVISION_NOT_KEPT",
          `Revision ${revision} is not kept on this host, or its body is damaged. "windflow-agent stacks" says which ones are.`,
        );
      keptRevisions.hold(kept, now);
      world = undefined;
    },
    release: (stackId) => {
      const released = keptRevisions.release(stackId);
      world = undefined;
      return released !== undefined;
    },
    content: (stack, digest) => files.content(bodies.read(stack.bodyDigest), digest),
    filesOf: (stack) => files.open(bodies.read(stack.bodyDigest)),
    recheckFiles: async (stack) => {
      await files.dropDamaged(bodies.read(stack.bodyDigest));
      if (stored !== undefined) findLacking(stored);
    },
  };
}
