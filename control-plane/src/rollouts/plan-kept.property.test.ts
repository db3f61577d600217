import fc from "fast-check";
import { expect, test } from "vitest";
import {
  emptyPlacement,
  noConstraints,
  noUse,
  type Placement,
  type PlacementHost,
  type StackNeeds,
} from "../placement/index.ts";
import { planKept, type KeptHost, type KeptPlan } from "./plan-kept.ts";

const RUNS = 3000;
// A few seconds of processor; on a machine that does much else it takes its time.
const TIMEOUT_MS = 120_000;
const GONE_AFTER = 100;
const REVISION = 1;

/** A host of the made-up fleet: what is true of it, and what is stored about it. */
interface Machine {
  readonly hostId: string;
  labels: Record<string, string>;
  scheduling: PlacementHost["scheduling"];
  revoked: boolean;
  awaySince: number | undefined;
  /** Its engine runs the stack, whether anybody can see it or not. */
  runs: boolean;
  /** What it was told last; a host that is away hears nothing. */
  told: boolean;
  wanted: boolean;
  underWay: "deploy" | "remove" | undefined;
  last: KeptHost["last"];
  /** What its last report said, and whether it answered what it was told last. */
  reported: { runs: boolean; heard: boolean };
}

type Event =
  | { kind: "away" | "back" | "revoke" | "cordon" | "drain" | "uncordon" | "fail" | "cancel"; at: number }
  | { kind: "label"; at: number; rack: string }
  | { kind: "enrol"; rack: string }
  | { kind: "wait"; seconds: number }
  | { kind: "apply"; at: number }
  | { kind: "report"; at: number }
  | { kind: "keep" };

// Few hosts: what goes wrong is found between two of them, when much happens to each.
const MOST_HOSTS = 4;
const index = fc.nat({ max: MOST_HOSTS - 1 });
const rack = fc.constantFrom("a", "b");
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constantFrom("away" as const, "back" as const, "back" as const), at: index }),
  fc.record({ kind: fc.constantFrom("cordon" as const, "drain" as const, "uncordon" as const), at: index }),
  fc.record({ kind: fc.constantFrom("revoke" as const, "fail" as const, "cancel" as const), at: index }),
  fc.record({ kind: fc.constant("label" as const), at: index, rack }),
  fc.record({ kind: fc.constant("enrol" as const), rack }),
  fc.record({ kind: fc.constant("wait" as const), seconds: fc.constantFrom(10, 60, 150) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("apply" as const, "report" as const), at: index }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("keep" as const) }) },
);
const madeRun = fc.record({
  racks: fc.array(rack, { minLength: 1, maxLength: 3 }),
  strategy: fc.constantFrom("all" as const, "spread" as const, "spread" as const, "binpack" as const),
  replicas: fc.constantFrom(1, 1, 2, 3),
  onlyRack: fc.constantFrom(undefined, "a"),
  writes: fc.boolean(),
  events: fc.array(event, { maxLength: 80, size: "max" }),
});

/** A fleet, its stored state and the keeper, with every step in the open. */
class World {
  now = 0;
  readonly machines: Machine[] = [];
  readonly placement: Placement;
  readonly needs: StackNeeds;

  constructor(made: Omit<typeof madeRun extends fc.Arbitrary<infer Value> ? Value : never, "events">) {
    const { strategy, replicas, onlyRack, writes, racks } = made;
    const expression = { key: "rack", operator: "equals", values: [onlyRack ?? ""] } as const;
    this.placement = {
      ...emptyPlacement,
      allHosts: true,
      strategy,
      replicas: strategy === "all" ? 0 : replicas,
      expressions: onlyRack === undefined ? [] : [expression],
      constraints: noConstraints,
      hostGoneAfterSeconds: GONE_AFTER,
    };
    this.needs = { ...noUse, hasSecrets: false, writtenVolumes: writes && strategy !== "all" ? ["data"] : [] };
    for (const one of racks) this.enrol(one);
  }

  enrol(one: string): void {
    if (this.machines.length >= MOST_HOSTS) return;
    this.machines.push({
      hostId: `h${this.machines.length}`,
      labels: { rack: one },
      scheduling: "open",
      revoked: false,
      awaySince: undefined,
      runs: false,
      told: false,
      wanted: false,
      underWay: undefined,
      last: undefined,
      reported: { runs: false, heard: true },
    });
  }

  plan(): KeptPlan {
    const hosts = this.machines.map((one): PlacementHost => ({
      hostId: one.hostId,
      name: one.hostId,
      environmentId: "env",
      labels: one.labels,
      facts: {},
      arch: "x64",
      capabilities: [],
      revoked: one.revoked,
      awaitingApproval: false,
      scheduling: one.scheduling,
      ...(one.awaySince === undefined ? {} : { awaySeconds: this.now - one.awaySince }),
      cpus: 4,
      memoryBytes: 0,
      used: noUse,
    }));
    const kept = this.machines.map((one): KeptHost => ({
      hostId: one.hostId,
      wanted: one.wanted,
      mayRun: one.reported.runs || !one.reported.heard,
      ...(one.underWay === undefined ? {} : { underWay: one.underWay }),
      ...(one.last === undefined ? {} : { last: one.last }),
    }));
    const input = { placement: this.placement, needs: this.needs, hosts };
    return planKept(input, kept, { revision: REVISION, again: false });
  }

  /** The keeper: what the plan says becomes work of the rollout under way, and hosts that are reached are told. */
  keep(): void {
    const { come, leave } = this.plan();
    const find = (hostId: string): Machine | undefined => this.machines.find((one) => one.hostId === hostId);
    for (const { hostId } of come) this.turn(find(hostId), "deploy");
    for (const { hostId } of leave) this.turn(find(hostId), "remove");
    for (const one of this.machines) this.begin(one);
  }

  turn(one: Machine | undefined, action: "deploy" | "remove"): void {
    if (one === undefined) return;
    if (action === "remove" && !one.wanted && !one.told) {
      // It was never begun there: nothing has to be taken off.
      one.last = { action: "remove", revision: REVISION, outcome: "done" };
      one.underWay = undefined;
      return;
    }
    one.underWay = action;
  }

  begin(one: Machine): void {
    if (one.underWay === undefined || one.awaySince !== undefined || one.revoked) return;
    const wanted = one.underWay === "deploy";
    if (one.wanted !== wanted) one.reported.heard = false;
    one.wanted = wanted;
    one.told = wanted;
  }

  apply(one: Machine, how: "done" | "undone" = "done"): void {
    if (one.awaySince !== undefined || one.revoked) return;
    one.runs = one.told && (how === "done" || one.runs);
    if (one.underWay === undefined || one.wanted !== (one.underWay === "deploy")) return;
    if (how === "undone" && one.underWay === "deploy") this.end(one, "undone");
  }

  report(one: Machine): void {
    if (one.awaySince !== undefined || one.revoked) return;
    one.reported = { runs: one.runs, heard: one.runs === one.told };
    if (!one.reported.heard || one.underWay === undefined || one.wanted !== (one.underWay === "deploy")) return;
    this.end(one, "done");
  }

  end(one: Machine, outcome: "done" | "undone"): void {
    if (one.underWay !== undefined) one.last = { action: one.underWay, revision: REVISION, outcome };
    one.underWay = undefined;
  }

  happen(what: Event): void {
    if (what.kind === "keep") return this.keep();
    if (what.kind === "enrol") return this.enrol(what.rack);
    if (what.kind === "wait") {
      this.now += what.seconds;
      return;
    }
    const one = this.machines[what.at];
    if (one === undefined) return;
    switch (what.kind) {
      case "away":
        one.awaySince ??= this.now;
        break;
      case "back":
        one.awaySince = undefined;
        this.begin(one);
        break;
      case "revoke":
        // Who revokes says that it is gone: it writes nothing that anybody will read.
        one.revoked = true;
        one.runs = false;
        one.underWay = undefined;
        break;
      case "cordon":
        one.scheduling = "cordoned";
        break;
      case "drain":
        one.scheduling = "draining";
        break;
      case "uncordon":
        one.scheduling = "open";
        break;
      case "label":
        one.labels = { rack: what.rack };
        break;
      case "fail":
        this.apply(one, "undone");
        break;
      case "cancel":
        // A person stops the rollout: what was begun goes on by itself, and nobody says any more when it is done.
        this.end(one, "undone");
        break;
      case "apply":
        this.apply(one);
        break;
      case "report":
        this.report(one);
        break;
    }
  }

  running(): Machine[] {
    return this.machines.filter((one) => one.runs);
  }
}

test(
  "never more copies of what writes to a volume than were asked for, whatever happens in whatever order",
  { timeout: TIMEOUT_MS },
  () => {
    fc.assert(
      fc.property(madeRun, (made) => {
        const world = new World({
          ...made,
          writes: true,
          strategy: made.strategy === "all" ? "spread" : made.strategy,
        });
        settle(world);
        for (const what of made.events) {
          world.happen(what);
          expect(world.running().length).toBeLessThanOrEqual(made.replicas);
        }
      }),
      { numRuns: RUNS },
    );
  },
);

test("work of a host that returns in time is not moved", { timeout: TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(madeRun, index, fc.integer({ min: 1, max: GONE_AFTER }), (made, at, seconds) => {
      const world = new World(made);
      settle(world);
      const one = world.machines[at % world.machines.length];
      const before = world.running().map(({ hostId }) => hostId);
      if (one === undefined || !one.runs) return;
      world.happen({ kind: "away", at: at % world.machines.length });
      world.happen({ kind: "enrol", rack: "a" });
      world.now += seconds;
      const { come, leave } = world.plan();
      expect(leave).toEqual([]);
      // What belongs on all hosts comes to the new one; one of N takes nothing from who is away.
      if (made.strategy !== "all" && world.running().length >= made.replicas) expect(come).toEqual([]);
      world.happen({ kind: "back", at: at % world.machines.length });
      settle(world);
      for (const hostId of before) expect(world.running().map((machine) => machine.hostId)).toContain(hostId);
    }),
    { numRuns: RUNS },
  );
});

test(
  "after any events it comes to rest where the placement says, and says what is missing",
  { timeout: TIMEOUT_MS },
  () => {
    fc.assert(
      fc.property(madeRun, (made) => {
        const world = new World(made);
        for (const what of made.events) world.happen(what);
        settle(world);
        const { come, leave, placement, short } = world.plan();
        expect([come, leave]).toEqual([[], []]);
        const chosen = new Set(placement.chosen.map(({ hostId }) => hostId));
        for (const one of world.machines) {
          if (one.revoked || one.awaySince !== undefined) continue;
          const heading = one.underWay === undefined ? one.wanted : one.underWay === "deploy";
          if (heading !== chosen.has(one.hostId)) expect(short).toContain("is not tried again by itself");
        }
        if (made.strategy !== "all" && chosen.size < made.replicas) expect(short).not.toBe("");
      }),
      { numRuns: RUNS },
    );
  },
);

/** Time goes by, and whoever is reached does as told: a keeper that does not come to rest goes on for ever. */
function settle(world: World): void {
  for (let round = 0; round < 12; round++) {
    world.keep();
    for (const one of world.machines) {
      world.apply(one);
      world.report(one);
    }
    world.now += GONE_AFTER / 2;
  }
}
