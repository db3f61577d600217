import { join } from "node:path";
import { type DesiredStack, type DesiredWorld, sha256Digest } from "@windflow/core";
import type { DesiredState, Generation, SealedBox, StackBody } from "@windflow/proto/agent";
import { AgentError } from "../errors.ts";
import { makePrivateFolder } from "../platform/durable-file.ts";
import { openBodyFiles } from "./body-files.ts";
import { type StoredDesired, departedAfter, loadDesired, saveDesired } from "./desired-file.ts";
import { desiredStack } from "./desired-world.ts";
import { compareGenerations, formatGeneration } from "./generation.ts";
import { policyRefusal, readLocalPolicy } from "./local-policy.ts";
import { type RevisionKey, openSecretFiles } from "./secret-files.ts";

/** Where missing parts of a desired state come from. */
export interface DesiredSource {
  body(digest: string): Promise<Uint8Array>;
  /** undefined when the revision has none. */
  secrets(key: RevisionKey): Promise<SealedBox | undefined>;
}

export interface DesiredStoreOptions {
  readonly folder: string;
  readonly organizationId: string;
  readonly sealingPrivateKey: Uint8Array;
  readonly policyFile: string;
  /** `linux/amd64`. */
  readonly platform: string;
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
   * @returns why the host's own policy keeps a stack, new in this state, from being run here; the others run. Empty otherwise.
   * @throws AgentError WF_OLDER_GENERATION, WF_BODY_INVALID, WF_SECRETS_UNAVAILABLE, WF_LOCAL_POLICY (a policy that cannot be
   * read); nothing is changed then.
   */
  take(state: DesiredState, source: DesiredSource): Promise<string>;
  /** A body as the planner takes it, without storing it. @throws AgentError */
  preview(body: StackBody): DesiredStack;
  /** Why the host's own policy, as it stands now, refuses the stack; or undefined. @throws AgentError WF_LOCAL_POLICY when the policy cannot be read. */
  refusal(stack: DesiredStack): string | undefined;
  secretText(key: RevisionKey, reference: string): string | undefined;
  file(stack: { readonly bodyDigest: string }, digest: string): { content: Buffer; mode: number } | undefined;
}

export function openDesiredStore(options: DesiredStoreOptions): DesiredStore {
  const { folder } = options;
  makePrivateFolder(folder);
  const bodies = openBodyFiles(join(folder, "bodies"));
  const secrets = openSecretFiles(join(folder, "secrets"), options.sealingPrivateKey);
  let stored: StoredDesired | undefined;
  let damage: AgentError | undefined;
  let world: DesiredWorld | undefined;
  try {
    stored = loadDesired(folder);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    damage = error;
  }

  const build = (desired: StoredDesired): DesiredWorld => ({
    organizationId: options.organizationId,
    generation: formatGeneration(desired.generation),
    stacks: desired.stacks.map(({ bodyDigest, adopted = [] }) => ({
      ...desiredStack(bodies.read(bodyDigest), bodyDigest, options.platform),
      adopted,
    })),
    departed: desired.departed ?? [],
  });
  const refusal = (stack: DesiredStack): string | undefined =>
    policyRefusal(readLocalPolicy(options.policyFile), stack.stackName, stack.model);

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

  const readWorld = (): DesiredWorld | undefined => {
    if (damage !== undefined) throw damage;
    if (world === undefined && stored !== undefined) world = build(stored);
    return world;
  };
  const isWhole = (): boolean => {
    try {
      return readWorld() !== undefined;
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
      if (age === 0 && isWhole()) return "";
      if (age < 0) {
        throw new AgentError(
          "WF_OLDER_GENERATION",
          `The desired state ${formatGeneration(generation)} is older than ${stored ? formatGeneration(stored.generation) : ""}, which this host has.`,
        );
      }
      for (const stack of state.stacks) await admit(stack, source);
      const stacks = state.stacks.map(({ stackId, revision, bodyDigest, adoptedContainerIds: adopted }) => ({
        stackId,
        revision,
        bodyDigest,
        ...(adopted.length > 0 ? { adopted } : {}),
      }));
      const next: StoredDesired = { generation, stacks, departed: departedAfter(stored, stacks) };
      const nextWorld = build(next);
      // A stack that was refused before is not told again: it would spoil the answer to a change of another stack.
      const before = new Set(stored?.stacks.map((stack) => stack.bodyDigest));
      const refused = nextWorld.stacks
        .filter((stack) => !before.has(stack.bodyDigest))
        .flatMap((stack) => refusal(stack) ?? []);
      saveDesired(folder, next);
      // What the previous state needed stays for one more generation, so that going back costs no transfer.
      const needed = [...(stored?.stacks ?? []), ...next.stacks];
      stored = next;
      world = nextWorld;
      bodies.keepOnly(new Set(needed.map((stack) => stack.bodyDigest)));
      secrets.keepOnly(needed);
      damage = undefined;
      return refused.join(" ");
    },
    preview: (body) => desiredStack(body, sha256Digest(body.modelJson), options.platform),
    refusal,
    secretText: (key, reference) => secrets.text(key, reference),
    file: (stack, digest) => {
      const found = bodies.read(stack.bodyDigest).files.find((file) => sha256Digest(file.content) === digest);
      return found === undefined ? undefined : { content: Buffer.from(found.content), mode: found.mode };
    },
  };
}
