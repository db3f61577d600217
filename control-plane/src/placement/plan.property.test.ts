import fc from "fast-check";
import { expect, test } from "vitest";
import { emptyPlacement, noConstraints, type PlacementHost, type PlacementInput, type PlacementPlan } from "./model.ts";
import { planPlacement } from "./plan.ts";

const RUNS = 3000;
const RACKS = ["a", "b", "c"];
const PORT = { address: "", port: 80, protocol: "tcp" };

const madeHost = fc.record({
  rack: fc.constantFrom(...RACKS, undefined),
  arch: fc.constantFrom("x64", "x64", "arm64"),
  revoked: fc.constantFrom(false, false, false, false, true),
  awaitingApproval: fc.constantFrom(false, false, false, false, true),
  scheduling: fc.constantFrom("open", "open", "open", "cordoned", "draining"),
  awaySeconds: fc.constantFrom(undefined, undefined, undefined, 100, 5000),
  usedCpus: fc.integer({ min: 0, max: 4 }),
  portTaken: fc.constantFrom(false, false, true),
  there: fc.constantFrom("no", "no", "yes", "leaving"),
});
const madeInput = fc.record({
  hosts: fc.array(madeHost, { maxLength: 12 }),
  strategy: fc.constantFrom("all", "spread", "binpack"),
  replicas: fc.integer({ min: 1, max: 6 }),
  spreadBy: fc.constantFrom("", "rack"),
  selectsRack: fc.constantFrom(undefined, "a"),
  arches: fc.constantFrom([], ["x64"]),
  prefersRack: fc.constantFrom(undefined, "b"),
  hasPort: fc.boolean(),
  cpus: fc.integer({ min: 0, max: 2 }),
  writes: fc.boolean(),
  released: fc.array(fc.nat({ max: 11 }), { maxLength: 2 }),
});
type Made = typeof madeInput extends fc.Arbitrary<infer Value> ? Value : never;

const idOf = (index: number): string => `hst_${String(index).padStart(2, "0")}`;

function inputOf(made: Made): PlacementInput {
  const { selectsRack, prefersRack } = made;
  const expression = (rack: string) => ({ key: "rack", operator: "equals", values: [rack] }) as const;
  return {
    placement: {
      ...emptyPlacement,
      allHosts: true,
      strategy: made.strategy as "all" | "spread" | "binpack",
      replicas: made.strategy === "all" ? 0 : made.replicas,
      spreadBy: made.spreadBy,
      expressions: selectsRack === undefined ? [] : [expression(selectsRack)],
      constraints: { ...noConstraints, arches: made.arches },
      preferences: prefersRack === undefined ? [] : [{ expression: expression(prefersRack), weight: 10 }],
      releasedHostIds: made.released.map(idOf),
    },
    needs: {
      cpus: made.cpus,
      memoryBytes: 0,
      ports: made.hasPort ? [PORT] : [],
      hasSecrets: false,
      writtenVolumes: made.writes ? ["data"] : [],
    },
    hosts: made.hosts.map((host, index): PlacementHost => {
      const { rack, awaySeconds } = host;
      return {
        hostId: idOf(index),
        name: `host-${index % 5}`,
        environmentId: "env_1",
        labels: rack === undefined ? {} : { rack },
        facts: {},
        arch: host.arch,
        capabilities: [],
        revoked: host.revoked,
        awaitingApproval: host.awaitingApproval,
        scheduling: host.scheduling as PlacementHost["scheduling"],
        ...(awaySeconds === undefined ? {} : { awaySeconds }),
        cpus: 4,
        memoryBytes: 0,
        used: { cpus: host.usedCpus, memoryBytes: 0, ports: host.portTaken ? [PORT] : [] },
      };
    }),
    current: made.hosts.flatMap(({ there }, index) =>
      there === "no" ? [] : [{ hostId: idOf(index), leaving: there === "leaving" }],
    ),
  };
}

const always = (check: (input: PlacementInput, plan: PlacementPlan) => void): void =>
  fc.assert(
    fc.property(madeInput, (made) => {
      const input = inputOf(made);
      check(input, planPlacement(input));
    }),
    { numRuns: RUNS },
  );
const idsOf = (plan: PlacementPlan): string[] => plan.chosen.map(({ hostId }) => hostId);
const isThere = ({ current }: PlacementInput, hostId: string): boolean => current.some((one) => one.hostId === hostId);

test("the same input in any order gives the same plan, of every host, with a sentence", () => {
  fc.assert(
    fc.property(madeInput, fc.infiniteStream(fc.nat()), (made, numbers) => {
      const input = inputOf(made);
      const shuffled = <Value>(values: readonly Value[]): Value[] =>
        values
          .map((value) => ({ value, at: numbers.next().value ?? 0 }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ value }) => value);
      const plan = planPlacement(input);
      expect(planPlacement({ ...input, hosts: shuffled(input.hosts), current: shuffled(input.current) })).toEqual(plan);
      expect(plan.decisions.map(({ host }) => host.hostId).toSorted()).toEqual(
        input.hosts.map(({ hostId }) => hostId).toSorted(),
      );
      for (const { because } of plan.decisions) expect(because).not.toBe("");
    }),
    { numRuns: RUNS },
  );
});

test("no host is chosen against a constraint, and none takes something new that it has no room for", () => {
  always((input, plan) => {
    const { placement, needs } = input;
    for (const host of plan.chosen) {
      expect(host.revoked || host.awaitingApproval).toBe(false);
      if (placement.constraints.arches.length > 0) expect(placement.constraints.arches).toContain(host.arch);
      if (placement.expressions.length > 0) expect(host.labels["rack"]).toBe("a");
      if (isThere(input, host.hostId)) continue;
      expect(host.scheduling).toBe("open");
      if (placement.strategy === "all") continue;
      expect(host.awaySeconds).toBeUndefined();
      expect(host.used.cpus + needs.cpus).toBeLessThanOrEqual(host.cpus);
      if (needs.ports.length > 0) expect(host.used.ports).toEqual([]);
    }
  });
});

test("never more hosts than asked for, and fewer only when it is said", () => {
  always((input, plan) => {
    if (input.placement.strategy === "all") return;
    expect(plan.chosen.length).toBeLessThanOrEqual(input.placement.replicas);
    if (plan.chosen.length < input.placement.replicas) {
      expect(plan.short).toContain(`${input.placement.replicas} wanted, `);
      // Nobody who could take a copy is left out for another reason than the volume.
      const left = plan.decisions.filter(({ chosen }) => !chosen).map(({ reason }) => reason);
      for (const reason of ["enough", "draining", "gone", "moved"] as const) {
        const own = plan.decisions.filter((one) => one.reason === reason && isThere(input, one.host.hostId));
        expect(own).toEqual([]);
      }
      expect(left).not.toContain("enough");
    }
  });
});

test("what is placed stays: nothing new comes while a host that has the stack and may keep it does not", () => {
  always((input, plan) => {
    const chosen = new Set(idsOf(plan));
    const isNew = idsOf(plan).some((hostId) => !isThere(input, hostId));
    const left = plan.decisions.filter(({ host }) => isThere(input, host.hostId) && !chosen.has(host.hostId));
    if (isNew && input.placement.strategy !== "all")
      for (const { reason } of left)
        expect(["revoked", "awaiting-approval", "expression", "arch", "draining", "gone", "released"]).toContain(
          reason,
        );
    // What waits until a volume has no writer any more comes once it has none.
    if (plan.decisions.some(({ reason }) => reason === "single-writer")) return;
    // Placed as planned, the next plan changes nothing.
    const settled = { ...input, current: plan.chosen.map(({ hostId }) => ({ hostId, leaving: false })) };
    expect(idsOf(planPlacement(settled))).toEqual(idsOf(plan));
  });
});

test("a copy that writes to a volume is never made while as many as are wanted may still write", () => {
  always((input, plan) => {
    if (input.placement.strategy === "all" || input.needs.writtenVolumes.length === 0) return;
    const released = input.placement.releasedHostIds;
    const mayWrite = input.hosts.filter(
      ({ hostId, revoked, awaySeconds }) =>
        isThere(input, hostId) && !revoked && !(awaySeconds !== undefined && released.includes(hostId)),
    );
    const added = idsOf(plan).filter((hostId) => !mayWrite.some((host) => host.hostId === hostId));
    if (added.length > 0) expect(mayWrite.length + added.length).toBeLessThanOrEqual(input.placement.replicas);
  });
});

test("without anything there, the racks are even within one, as far as they have hosts", () => {
  always((given) => {
    const { placement } = given;
    if (placement.strategy !== "spread" || placement.spreadBy === "") return;
    const plan = planPlacement({ ...given, current: [] });
    const countOf = (rack: string | undefined, chosen: boolean): number =>
      plan.decisions.filter(
        (one) => one.host.labels["rack"] === rack && (chosen ? one.chosen : !one.chosen && one.reason === "enough"),
      ).length;
    const groups = [...RACKS, undefined];
    const most = Math.max(...groups.map((rack) => countOf(rack, true)));
    for (const rack of groups)
      if (countOf(rack, false) > 0) expect(countOf(rack, true)).toBeGreaterThanOrEqual(most - 1);
  });
});
