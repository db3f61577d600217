import type {
  DesiredStack,
  DesiredState,
  ObservedContainer,
  ObservedStack,
  ObservedState,
} from "@windflow/proto/agent";
import { createHash } from "node:crypto";

/** What a host pretends to run: each stack it is told to, converged and healthy at once. */
export interface FakeEngine {
  /** Takes a desired state. Digests of bodies that it has not got yet. */
  take(desired: DesiredState): string[];
  /** What it runs, with the last desired state brought about or just begun. */
  observed(converged: boolean): ObservedState;
  readonly generation: DesiredState["generation"];
  readonly digest: string;
  containerIds(): string[];
}

const IMAGE = "wf/fleet:1";
const CONTAINER_ID_CHARACTERS = 64;

export function createFakeEngine(hostId: string): FakeEngine {
  let generation: DesiredState["generation"];
  let stacks: readonly DesiredStack[] = [];
  const bodies = new Set<string>();
  const since = new Map<string, Date>();
  let digest = "";
  const own = containerOf(hostId, "discovered", new Date("2026-11-20T00:00:00Z"));

  return {
    take: (desired) => {
      ({ generation, stacks } = desired);
      const now = new Date();
      for (const { stackId, attempt } of stacks)
        if (!since.has(keyOf(stackId, attempt))) since.set(keyOf(stackId, attempt), now);
      const missing = stacks.map(({ bodyDigest }) => bodyDigest).filter((one) => !bodies.has(one));
      for (const one of missing) bodies.add(one);
      return missing;
    },
    observed: (converged) => {
      const at = new Date();
      const running = converged ? stacks : [];
      const containers = [
        own,
        ...running.map((stack) => stackContainer(hostId, stack, since.get(keyOf(stack.stackId, stack.attempt)) ?? at)),
      ];
      const told = stacks.map((stack) =>
        observedStack(hostId, stack, converged, since.get(keyOf(stack.stackId, stack.attempt)) ?? at),
      );
      const state = { generation, containers, stacks: told, engineProblem: "" };
      digest = digestOf(state);
      return { at, digest, ...state };
    },
    get generation() {
      return generation;
    },
    get digest() {
      return digest;
    },
    containerIds: () => [own.id, ...stacks.map((stack) => containerId(hostId, stack.stackId))],
  };
}

const keyOf = (stackId: string, attempt: string): string => `${stackId} ${attempt}`;

function digestOf(state: object): string {
  const text = JSON.stringify(state, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  return createHash("sha256").update(text).digest("hex");
}

function containerId(hostId: string, name: string): string {
  return createHash("sha256").update(`${hostId} ${name}`).digest("hex").slice(0, CONTAINER_ID_CHARACTERS);
}

function stackContainer(hostId: string, { stackId, revision }: DesiredStack, startedAt: Date): ObservedContainer {
  return { ...containerOf(hostId, stackId, startedAt), stackId, revision, service: "web" };
}

function containerOf(hostId: string, name: string, startedAt: Date): ObservedContainer {
  return {
    id: containerId(hostId, name),
    name,
    image: IMAGE,
    imageId: `sha256:${"0".repeat(64)}`,
    state: "running",
    health: "none",
    exitCode: 0,
    restartCount: 0,
    labels: {},
    createdAt: startedAt,
    startedAt,
    finishedAt: undefined,
    ports: [],
    mounts: [],
    networks: ["bridge"],
    command: "sleep infinity",
    stackId: "",
    revision: 0,
    service: "",
    tty: false,
  };
}

function observedStack(hostId: string, stack: DesiredStack, converged: boolean, since: Date): ObservedStack {
  const { stackId, revision, attempt } = stack;
  return {
    stackId,
    revision,
    converged,
    services: [
      {
        service: "web",
        state: converged ? "running" : "creating",
        cause: converged ? "its container runs" : "its container is created",
        since,
        containersRunning: converged ? 1 : 0,
        containersWanted: 1,
        containerIds: converged ? [containerId(hostId, stackId)] : [],
        lastLogLines: [],
        nextAttemptAt: undefined,
        evidence: [],
      },
    ],
    problem: "",
    pinnedImages: {},
    healthySince: converged ? since : undefined,
    failedAttempt: "",
    drift: [],
    driftSince: undefined,
    probes: stack.probes.map(({ service }) => ({
      name: "",
      service,
      passed: true,
      cause: "answered",
      at: since,
      successes: 1,
    })),
    attempt,
    heldRevision: 0,
    corrected: stack.correct,
    keptRevisions: [revision],
    restarts: 0,
  };
}
