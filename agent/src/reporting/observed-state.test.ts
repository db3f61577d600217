import type { ObservedContainer, ObservedWorld, ServiceStatus } from "@windflow/core";
import { expect, test } from "vitest";
import type { ObservationReport } from "../reconcile/options.ts";
import { NOTHING_OWN, type ObservedContext, observedState, withoutAge } from "./observed-state.ts";

const IMAGE_ID = `sha256:${"a".repeat(64)}`;

function container(over: Partial<ObservedContainer>): ObservedContainer {
  return {
    id: "c1",
    name: "shop-web-1",
    image: IMAGE_ID,
    imageId: IMAGE_ID,
    labels: {
      "dev.windflow.organization": "org_1",
      "dev.windflow.stack": "stk_1",
      "dev.windflow.revision": "3",
      "com.docker.compose.service": "web",
    },
    state: "running",
    health: "none",
    createdAt: 1_000,
    statusText: "Up",
    networkMode: "bridge",
    networks: [],
    mounts: [{ type: "volume", name: "shop_data", destination: "/data", readWrite: false }],
    ports: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
    command: "sleep 1",
    ...over,
  };
}
function service(over: Partial<ServiceStatus>): ServiceStatus {
  return {
    stackId: "stk_1",
    service: "web",
    state: "running",
    cause: "it runs",
    evidence: [],
    containerIds: ["c1"],
    since: 5_000,
    ...over,
  };
}
function report(containers: readonly ObservedContainer[], over: Partial<ObservationReport> = {}): ObservationReport {
  const engine = {
    id: "",
    name: "Engine",
    version: "28",
    apiVersion: "1.51",
    operatingSystem: "",
    architecture: "",
    storageDriver: "",
  };
  const world: ObservedWorld = { observedAt: 9_000, engine, containers, networks: [], volumes: [], images: [] };
  return {
    world,
    stacks: [{ stackId: "stk_1", revision: 3, state: "running", cause: "", services: [service({})] }],
    settlements: [
      {
        stackId: "stk_1",
        revision: 3,
        converged: true,
        waiting: [],
        failing: [],
        problems: [],
        drift: [],
        restarts: 0,
      },
    ],
    ...over,
  };
}
const context: ObservedContext = {
  generation: { term: 1n, n: 4n },
  pins: [
    { stackId: "stk_1", revision: 3, reference: "nginx:1", image: { ids: [IMAGE_ID] } },
    { stackId: "stk_1", revision: 2, reference: "nginx:0", image: { ids: ["old"] } },
  ],
  wanted: () => 2,
  imageOf: (stackId, name) => (stackId === "stk_1" && name === "web" ? "nginx:1" : undefined),
  adoptedInto: (containerId) => (containerId === "adopted" ? "stk_1" : undefined),
  revisionOf: (stackId) => (stackId === "stk_1" ? 3 : undefined),
  ownOf: () => NOTHING_OWN,
  lastLines: () => [],
  redact: (_stackId, text) => text,
  wellSince: { of: () => 5_000 },
};

test("a container of ours is told with its stack, service and the image that its author wrote; a stranger as it is", () => {
  const stranger = container({ id: "c0", labels: { secret: "x".repeat(2_000) }, image: "redis:7" });
  const { containers, stacks, generation } = observedState(report([container({}), stranger]), context);
  expect(containers.map((each) => each.id)).toEqual(["c0", "c1"]);
  expect(containers[1]).toMatchObject({
    image: "nginx:1",
    stackId: "stk_1",
    revision: 3,
    service: "web",
    ports: [{ hostIp: "", hostPort: 8080, containerPort: 80, protocol: "tcp" }],
    mounts: [{ type: "volume", source: "shop_data", target: "/data", readOnly: true }],
  });
  expect(containers[0]).toMatchObject({ image: "redis:7", stackId: "", revision: 0 });
  expect(containers[0]?.labels["secret"]).toHaveLength(512);
  const adopted = container({ id: "adopted", labels: { "com.docker.compose.service": "web" }, image: "nginx:1" });
  const [told] = observedState(report([adopted]), context).containers;
  expect(told).toMatchObject({ stackId: "stk_1", revision: 3, service: "web" });
  expect(generation).toEqual({ term: 1n, n: 4n });
  expect(stacks).toEqual([
    expect.objectContaining({
      converged: true,
      problem: "",
      pinnedImages: { "nginx:1": IMAGE_ID },
      healthySince: new Date(5_000),
      services: [
        expect.objectContaining({ service: "web", state: "running", containersRunning: 1, containersWanted: 2 }),
      ],
    }),
  ]);
});

test("the same world gives the same message, in whatever order the engine lists it", () => {
  const [a, b] = [container({ id: "a" }), container({ id: "b" })];
  expect(observedState(report([a, b]), context)).toEqual(observedState(report([b, a]), context));
});

test("what is in the way is said, errors first; an engine that is away is a problem of all", () => {
  const failing = {
    stepId: "pull-image nginx:1",
    op: "pull-image" as const,
    reason: "no route",
    since: 1,
    attempts: 2,
    nextTryAt: 3,
  };
  const problems = [
    { stackId: "stk_1", severity: "warning" as const, message: "slow" },
    { stackId: "stk_1", severity: "error" as const, message: "port taken" },
  ];
  const settlements = [
    {
      stackId: "stk_1",
      revision: 3,
      converged: false,
      drift: [],
      restarts: 0,
      waiting: [],
      failing: [failing],
      problems,
    },
  ];
  const state = observedState(report([], { settlements, engineError: "connection refused" }), context);
  expect(state.stacks[0]).toMatchObject({ converged: false, problem: "port taken\npull-image nginx:1: no route" });
  expect(state.engineProblem).toBe("connection refused");
});

test("an age is no change: what the engine says of a container is told without it", () => {
  const told = [
    "web-1: Up Less than a second",
    "web-1: Up 28 seconds",
    "web-1: Up About a minute",
    "web-1: Up 3 weeks",
  ];
  expect(new Set(told.map(withoutAge))).toEqual(new Set(["web-1: Up"]));
  expect(withoutAge("web-1: Up 2 hours (healthy)")).toBe("web-1: Up (healthy)");
  expect(withoutAge("web-1: Exited (137) About an hour ago")).toBe("web-1: Exited (137)");
  expect(withoutAge("web-1: Created")).toBe("web-1: Created");
});
