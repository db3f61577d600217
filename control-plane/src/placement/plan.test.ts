import { expect, test } from "vitest";
import {
  emptyPlacement,
  noConstraints,
  noNeeds,
  noUse,
  type CurrentHost,
  type Placement,
  type PlacementHost,
  type StackNeeds,
} from "./model.ts";
import { usesFacts } from "./plan-labels.ts";
import { planPlacement } from "./plan.ts";

const GIB = 2 ** 30;
const host = (name: string, more: Partial<PlacementHost> = {}): PlacementHost => ({
  hostId: `hst_${name}`,
  name,
  environmentId: "env_prod",
  labels: {},
  facts: {},
  arch: "x64",
  capabilities: ["docker"],
  revoked: false,
  awaitingApproval: false,
  scheduling: "open",
  cpus: 4,
  memoryBytes: 8 * GIB,
  used: noUse,
  ...more,
});
const fleet = [
  host("paris-2", { labels: { site: "paris", tier: "edge" }, facts: { "fact/arch": "arm64" }, arch: "arm64" }),
  host("paris-1", { labels: { site: "paris" }, facts: { "fact/arch": "x64" } }),
  host("lyon-1", {
    labels: { site: "lyon" },
    environmentId: "env_dev",
    facts: { "fact/arch": "arm64" },
    arch: "arm64",
  }),
  host("gone", { labels: { site: "paris" }, revoked: true }),
  host("new", { labels: { site: "paris" }, awaitingApproval: true }),
];
const names = (placement: Partial<Placement>, hasSecrets = false): string =>
  planPlacement({
    placement: { ...emptyPlacement, ...placement },
    hosts: fleet,
    current: [],
    needs: { ...noNeeds, hasSecrets },
  })
    .chosen.map((placed) => placed.name)
    .join(" ");

/** One line a host, as people read it. */
function explain(
  placement: Partial<Placement>,
  hosts: readonly PlacementHost[],
  more: { current?: readonly (CurrentHost | string)[]; needs?: Partial<StackNeeds> } = {},
): string {
  const plan = planPlacement({
    placement: { ...emptyPlacement, allHosts: true, ...placement },
    hosts,
    needs: { ...noNeeds, ...more.needs },
    current: (more.current ?? []).map((one) =>
      typeof one === "string" ? { hostId: `hst_${one}`, leaving: false } : one,
    ),
  });
  const lines = plan.decisions.map(
    ({ host: { name }, chosen, reason, because }) => `${chosen ? "+" : "-"} ${name} ${reason}: ${because}`,
  );
  return [...lines, ...(plan.short === "" ? [] : [`short: ${plan.short}`])].join("\n");
}

test("an empty placement is no host", () => {
  expect(names({})).toBe("");
  expect(names({ environmentId: "env_prod" })).toBe("");
});

test("every label must match, and hosts that are revoked or wait for approval never do", () => {
  expect(names({ matchLabels: { site: "paris" } })).toBe("paris-1 paris-2");
  expect(names({ matchLabels: { site: "paris", tier: "edge" } })).toBe("paris-2");
  expect(names({ matchLabels: { constructor: "" } })).toBe("");
});

test("all hosts and named hosts stay inside the environment", () => {
  expect(names({ allHosts: true })).toBe("lyon-1 paris-1 paris-2");
  expect(names({ allHosts: true, environmentId: "env_dev" })).toBe("lyon-1");
  expect(names({ hostIds: ["hst_lyon-1", "hst_gone", "hst_new"] })).toBe("lyon-1");
  expect(names({ hostIds: ["hst_lyon-1"], environmentId: "env_prod" })).toBe("");
});

test("expressions select alone, and narrow what labels, names or all hosts select", () => {
  const inSites = { key: "site", operator: "in", values: ["paris", "nice"] } as const;
  const untiered = { key: "tier", operator: "absent", values: [] } as const;
  expect(names({ expressions: [inSites] })).toBe("paris-1 paris-2");
  expect(names({ expressions: [inSites, untiered] })).toBe("paris-1");
  expect(names({ allHosts: true, expressions: [{ key: "site", operator: "not-in", values: ["paris"] }] })).toBe(
    "lyon-1",
  );
  expect(names({ hostIds: ["hst_lyon-1", "hst_paris-1"], expressions: [inSites] })).toBe("paris-1");
  expect(names({ expressions: [{ key: "tier", operator: "exists", values: [] }] })).toBe("paris-2");
  expect(names({ expressions: [{ key: "tier", operator: "equals", values: ["edge"] }] })).toBe("paris-2");
});

test("a fact selects a stack without secrets only, and not by its absence either", () => {
  expect(names({ matchLabels: { "fact/arch": "arm64" } })).toBe("lyon-1 paris-2");
  expect(names({ matchLabels: { "fact/arch": "arm64" } }, true)).toBe("");
  expect(names({ allHosts: true }, true)).toBe("lyon-1 paris-1 paris-2");
  const notX64 = { key: "fact/arch", operator: "not-in", values: ["x64"] } as const;
  expect(names({ allHosts: true, expressions: [notX64] })).toBe("lyon-1 paris-2");
  expect(names({ allHosts: true, expressions: [notX64] }, true)).toBe("");
  const uses = (placement: Partial<Placement>): boolean => usesFacts({ ...emptyPlacement, ...placement });
  expect(uses({ matchLabels: { "fact/arch": "arm64" } })).toBe(true);
  expect(uses({ expressions: [notX64] })).toBe(true);
  expect(uses({ preferences: [{ expression: notX64, weight: 1 }] })).toBe(true);
  expect(uses({ spreadBy: "fact/arch" })).toBe(true);
  expect(uses({ allHosts: true })).toBe(false);
});

test("the constraints say of each host what it lacks", () => {
  const constraints = {
    ...noConstraints,
    arches: ["x64"],
    capabilities: ["docker"],
    freeCpus: 2,
    freeMemoryBytes: GIB,
  };
  const hosts = [
    host("a"),
    host("b", { arch: "arm64" }),
    host("c", { capabilities: ["podman"] }),
    host("d", { used: { ...noUse, cpus: 2.5 } }),
    host("e", { used: { ...noUse, memoryBytes: 7.5 * GIB } }),
    host("f", { scheduling: "cordoned" }),
  ];
  expect(explain({ constraints }, hosts)).toMatchInlineSnapshot(`
    "+ a selected: the placement selects the host
    - b arch: its processor is arm64, wanted is x64
    - c capability: the host has no docker
    - d cpu: 1.5 processors are free, 2 are needed
    - e memory: 512 MiB of memory are free, 1024 MiB are needed
    - f cordoned: the host is cordoned: it takes nothing new"
  `);
  // What is there is not asked again what is free.
  expect(explain({ constraints }, hosts.slice(3, 4), { current: ["d"] })).toBe(
    "+ d stays: the placement selects the host, and the stack is there",
  );
});

test("spread takes the values of the label in turn, and says who has no place for the ports", () => {
  const port = { address: "", port: 80, protocol: "tcp" };
  const hosts = [
    host("a1", { labels: { rack: "a" }, used: { ...noUse, ports: [{ ...port, address: "127.0.0.1" }] } }),
    host("a2", { labels: { rack: "a" } }),
    host("a3", { labels: { rack: "a" } }),
    host("b1", { labels: { rack: "b" }, awaySeconds: 100 }),
    host("b2", { labels: { rack: "b" } }),
    host("c1"),
  ];
  const spread = { strategy: "spread", replicas: 3, spreadBy: "rack" } as const;
  expect(explain(spread, hosts, { needs: { ports: [port] } })).toMatchInlineSnapshot(`
    "- a1 port: port 80/tcp is taken on the host
    + a2 placed: the first in line in rack=a
    - a3 enough: 3 of 3 hosts come before it
    - b1 away: the host has not been reached for 100 s
    + b2 placed: the first in line in rack=b
    + c1 placed: the first in line in no rack"
  `);
  const preferences = [{ expression: { key: "rack", operator: "equals", values: ["b"] }, weight: 5 }] as const;
  expect(explain({ ...spread, replicas: 1, preferences }, hosts)).toContain("+ b2 placed");
});

test("binpack fills the fullest host that has room", () => {
  const hosts = [
    host("empty"),
    host("half", { used: { ...noUse, cpus: 2 } }),
    host("full", { used: { ...noUse, cpus: 3.5 } }),
  ];
  expect(explain({ strategy: "binpack", replicas: 1 }, hosts, { needs: { cpus: 1 } })).toMatchInlineSnapshot(`
    "- empty enough: 1 of 1 hosts come before it
    - full cpu: 0.5 processors are free, 1 are needed
    + half placed: the fullest host that has room"
  `);
  expect(explain({ strategy: "binpack", replicas: 4 }, hosts, { needs: { cpus: 1 } })).toContain(
    "short: 4 wanted, 2 found; not chosen: 1 cpu",
  );
});

test("a host that is away keeps its copy, one that is gone for longer does not, and one that returns takes none back", () => {
  const two = { strategy: "spread", replicas: 1, hostGoneAfterSeconds: 60 } as const;
  const [a, b] = [host("a"), host("b")];
  expect(explain(two, [{ ...a, awaySeconds: 50 }, b], { current: ["a"] })).toMatchInlineSnapshot(`
    "+ a stays: the stack is there, and what is placed stays; not reached for 50 s
    - b enough: 1 of 1 hosts come before it"
  `);
  expect(explain(two, [{ ...a, awaySeconds: 61 }, b], { current: ["a"] })).toMatchInlineSnapshot(`
    "- a gone: not reached for 61 s, longer than 60 s: its copy goes elsewhere
    + b placed: the first in line"
  `);
  expect(explain(two, [a, b], { current: [{ hostId: "hst_a", leaving: true }, "b"] })).toMatchInlineSnapshot(`
    "- a moved: its copy was placed elsewhere, and work does not move back
    + b stays: the stack is there, and what is placed stays"
  `);
  expect(explain(two, [{ ...a, awaySeconds: 61 }], { current: ["a"] })).toMatchInlineSnapshot(`
    "+ a no-other-host: not reached for 61 s, longer than 60 s, but no other host can take its copy
    short: 1 wanted, 0 found"
  `);
});

test("a volume that is written to holds its copy, until the host is revoked or a person releases it", () => {
  const one = { strategy: "spread", replicas: 1, hostGoneAfterSeconds: 60 } as const;
  const gone = host("a", { awaySeconds: 3600 * 3 });
  const b = host("b");
  const written = { current: ["a"], needs: { writtenVolumes: ["data"] } };
  expect(explain(one, [gone, b], written)).toMatchInlineSnapshot(`
    "+ a held: not reached for 3 h, but it keeps its copy: volume data is there and has one writer only
    - b enough: 1 of 1 hosts come before it"
  `);
  expect(explain({ ...one, releasedHostIds: ["hst_a"] }, [gone, b], written)).toMatchInlineSnapshot(`
    "- a released: a person released it: it does not run the stack any more
    + b placed: the first in line"
  `);
  // A host that is heard of is not released by a word.
  expect(explain({ ...one, releasedHostIds: ["hst_a"] }, [host("a"), b], written)).toContain("+ a stays");
  expect(explain(one, [{ ...gone, revoked: true }, b], written)).toContain("+ b placed");
  expect(explain({ ...one, allHosts: false, hostIds: ["hst_b"] }, [host("a"), b], written)).toMatchInlineSnapshot(`
    "- a not-selected: the placement does not select the host
    - b single-writer: a may still run the stack, and volume data has one writer only; once it is off that host, or the host is revoked, removed or released, the copy goes elsewhere
    short: 1 wanted, 0 found; not chosen: 1 not-selected, 1 single-writer; a may still run the stack, and volume data has one writer only; once it is off that host, or the host is revoked, removed or released, the copy goes elsewhere"
  `);
});

test("a draining host gives away what can go elsewhere, and keeps the rest", () => {
  const one = { strategy: "spread", replicas: 1 } as const;
  const [draining, b] = [host("a", { scheduling: "draining" }), host("b")];
  expect(explain(one, [draining, b], { current: ["a"] })).toMatchInlineSnapshot(`
    "- a draining: the host is draining: its copy goes elsewhere
    + b placed: the first in line"
  `);
  expect(explain(one, [draining], { current: ["a"] })).toContain("+ a no-other-host: the host is draining, but");
  expect(explain(one, [draining, b], { current: ["a"], needs: { writtenVolumes: ["data"] } })).toContain("+ a held");
  expect(explain({}, [draining], { current: ["a"] })).toContain("+ a stays");
});
