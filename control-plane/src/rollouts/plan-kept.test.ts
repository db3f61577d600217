import { expect, test } from "vitest";
import { emptyPlacement, noUse, type Placement, type PlacementHost } from "../placement/index.ts";
import { planKept, type KeptHost } from "./plan-kept.ts";

const host = (name: string, over: Partial<PlacementHost> = {}): PlacementHost => ({
  hostId: name,
  name,
  environmentId: "env",
  labels: {},
  facts: {},
  arch: "x64",
  capabilities: [],
  revoked: false,
  awaitingApproval: false,
  scheduling: "open",
  cpus: 4,
  memoryBytes: 0,
  used: noUse,
  ...over,
});
const there = (name: string, over: Partial<KeptHost> = {}): KeptHost => ({
  hostId: name,
  wanted: true,
  mayRun: true,
  last: { action: "deploy", revision: 5, outcome: "done" },
  ...over,
});

/** "come a b, leave c; SHORT" for revision 5. */
function kept(
  placement: Partial<Placement>,
  hosts: readonly PlacementHost[],
  standing: readonly KeptHost[],
  more: { readonly again?: boolean; readonly writes?: boolean } = {},
): string {
  const needs = { ...noUse, hasSecrets: false, writtenVolumes: more.writes === true ? ["data"] : [] };
  const input = { placement: { ...emptyPlacement, ...placement }, needs, hosts };
  const { come, leave, short } = planKept(input, standing, { revision: 5, again: more.again ?? false });
  const names = (word: string, list: readonly PlacementHost[]): string[] =>
    list.length === 0 ? [] : [`${word} ${list.map(({ name }) => name).join(" ")}`];
  const acts = [...names("come", come), ...names("leave", leave)].join(", ");
  return `${acts === "" ? "as it is" : acts}${short === "" ? "" : `; ${short}`}`;
}
const all = { allHosts: true };
const two = { allHosts: true, strategy: "spread", replicas: 2 } as const;

test("a new host that matches gets the stack, one that matches no more gives it up, the others are left alone", () => {
  expect(kept(all, [host("a"), host("b")], [there("a")])).toBe("come b");
  const rack = { matchLabels: { rack: "1" } };
  expect(kept(rack, [host("a", { labels: { rack: "1" } }), host("b")], [there("a"), there("b")])).toBe("leave b");
  expect(kept(all, [host("a", { revoked: true })], [there("a")])).toBe("as it is");
  expect(kept(all, [host("a"), host("b", { awaitingApproval: true })], [there("a")])).toBe("as it is");
});

test("what a rollout under way brings or takes off is not asked for again; the other way round it is", () => {
  const coming = there("a", { wanted: false, underWay: "deploy", mayRun: false });
  expect(kept(all, [host("a")], [coming])).toBe("as it is");
  expect(kept({}, [host("a")], [coming])).toBe("leave a");
  const leaving = there("a", { underWay: "remove" });
  expect(kept({}, [host("a")], [leaving])).toBe("as it is");
  expect(kept(all, [host("a")], [leaving])).toBe("come a");
});

test("a host that is gone for long has its copy elsewhere; one that returns meanwhile moves nothing", () => {
  const hosts = (away?: number): PlacementHost[] => [
    host("a", away === undefined ? {} : { awaySeconds: away }),
    host("b"),
    host("c"),
  ];
  expect(kept(two, hosts(600), [there("a"), there("b")])).toBe("as it is");
  expect(kept(two, hosts(901), [there("a"), there("b")])).toBe("come c, leave a");
  const moved = [there("a", { underWay: "remove" }), there("b"), there("c", { wanted: false, underWay: "deploy" })];
  expect(kept(two, hosts(5000), moved)).toBe("as it is");
  expect(kept(two, hosts(), moved)).toBe("as it is");
});

test("what failed, was cancelled or taken back is not tried again by itself, but when somebody asks", () => {
  for (const outcome of ["undone", "taken-back"] as const) {
    const tried = [there("a", { wanted: false, mayRun: false, last: { action: "deploy", revision: 5, outcome } })];
    expect(kept(all, [host("a")], tried)).toBe(
      "as it is; revision 5 did not come to a the last time, and is not tried again by itself",
    );
    expect(kept(all, [host("a")], tried, { again: true })).toBe("come a");
  }
  const other = [there("a", { wanted: false, last: { action: "deploy", revision: 4, outcome: "undone" } })];
  expect(kept(all, [host("a")], other)).toBe("come a");
  const overtaken = [there("a", { wanted: false, last: { action: "deploy", revision: 5, outcome: "overtaken" } })];
  expect(kept(all, [host("a")], overtaken)).toBe("come a");
  const stuck = [there("a", { last: { action: "remove", revision: 5, outcome: "undone" } })];
  expect(kept({}, [host("a")], stuck)).toBe(
    "as it is; it does not belong on a; taking it off was stopped, and is not tried again by itself",
  );
  expect(kept({}, [host("a")], stuck, { again: true })).toBe("leave a");
  expect(kept(all, [host("a")], stuck)).toBe("as it is");
});

test("a written volume comes nowhere else before it is off the host that may still write", () => {
  const one = { hostIds: ["b"], strategy: "spread", replicas: 1 } as const;
  expect(kept(one, [host("a"), host("b")], [there("a")], { writes: true })).toContain("leave a; 1 wanted, 0 found");
  const off = there("a", { wanted: false, mayRun: true, last: { action: "remove", revision: 5, outcome: "done" } });
  expect(kept(one, [host("a"), host("b")], [off], { writes: true })).toContain("as it is; 1 wanted, 0 found");
  expect(kept(one, [host("a"), host("b")], [{ ...off, mayRun: false }], { writes: true })).toBe("come b");
});
