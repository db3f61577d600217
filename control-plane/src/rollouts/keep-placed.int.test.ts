import { RolloutStrategy, RolloutStrategy_OnFailure } from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { hostChanged } from "../hosts/index.ts";
import { emptyPlacement, type Placement } from "../placement/index.ts";
import { createLog, openPlatform, systemClock, type Platform, type UnitOfWork } from "../platform/index.ts";
import { startTestDatabase, type TestDatabase } from "../testing/database.ts";
import { createFleet, type Fleet } from "../testing/fleet.ts";
import type { PlacementKeeper, RolloutWorker } from "./index.ts";

const log = createLog({ level: "silent" });
let server: TestDatabase;
let platform: Platform;
let fleet: Fleet;
let worker: RolloutWorker;
let keeper: PlacementKeeper;

beforeAll(async () => {
  server = await startTestDatabase(log);
  platform = await openPlatform({ connection: server.connection, clock: systemClock, log });
  fleet = await createFleet(platform);
});
beforeEach(async () => {
  worker = fleet.newWorker();
  keeper = fleet.newKeeper();
  await worker.start();
  await keeper.start();
});
afterEach(async () => {
  await keeper.stop();
  await worker.stop();
});
afterAll(async () => {
  await platform?.close();
  await server?.stop();
});

const inTenant = <Result>(work: (tx: UnitOfWork) => Promise<Result>): Promise<Result> =>
  platform.database.inOrganization(fleet.caller, work);

/** Changes a host as a person would, and tells it. */
async function change(hostId: string, assignments: ReturnType<typeof sql>): Promise<void> {
  await inTenant(async (tx) => {
    await sql`UPDATE hosts SET ${assignments} WHERE id = ${hostId}`.execute(tx.queries);
    tx.emit(hostChanged, { organizationId: fleet.caller.organizationId, hostId });
  });
}
async function newHost(name: string, labels: Record<string, string>): Promise<string> {
  const hostId = await fleet.addHost(name, labels);
  await change(hostId, sql`name = name`);
  return hostId;
}
async function awayFor(hostId: string, seconds: number): Promise<void> {
  const since = new Date(Date.now() - seconds * 1000);
  await fleet.setPresence(hostId, "offline");
  await change(hostId, sql`presence_since = ${since}`);
}
const setLabels = (hostId: string, labels: Record<string, string>): Promise<void> =>
  change(hostId, sql`labels = ${JSON.stringify(labels)}`);

const PLAIN = "services: {web: {image: 'hello:1'}}";
const WRITER = "services: {web: {image: 'db:1', volumes: ['data:/data']}}\nvolumes: {data: {}}";

async function newStack(name: string, placement: Partial<Placement>, text = PLAIN): Promise<string> {
  const stack = await fleet.stacks.create(fleet.caller, { name, placement: { ...emptyPlacement, ...placement } });
  await revise(stack.id, text);
  return stack.id;
}
async function revise(stackId: string, text = PLAIN): Promise<void> {
  const source = { files: { "compose.yaml": text }, composeFiles: [], variables: [], profiles: [], attachments: [] };
  await fleet.revisions.create(fleet.caller, { stackId, source, message: "" });
}
const wantedOn = (stackId: string): Promise<string> =>
  inTenant(async (tx) => {
    const { rows } = await sql<{ name: string; revision: number }>`SELECT h.name, d.revision FROM host_desired_stacks d
      JOIN hosts h ON h.id = d.host_id WHERE d.stack_id = ${stackId} ORDER BY h.name`.execute(tx.queries);
    return rows.map((row) => `${row.name}:${row.revision}`).join(" ");
  });
const rollouts = (stackId: string): Promise<string[]> =>
  inTenant(async (tx) => {
    const { rows } = await sql<{ origin: string; state: string }>`SELECT origin, state FROM rollouts
      WHERE stack_id = ${stackId} ORDER BY id`.execute(tx.queries);
    return rows.map(({ origin, state }) => `${origin} ${state}`);
  });
/** Every host that is reached does as it is told, once. */
async function report(hostIds: readonly string[]): Promise<void> {
  for (const hostId of hostIds) await fleet.report(hostId, {});
}
const until = (stackId: string, hosts: string, reporting: readonly string[] = []): Promise<void> =>
  vi.waitFor(
    async () => {
      await report(reporting);
      expect(await wantedOn(stackId)).toBe(hosts);
    },
    { timeout: 60_000, interval: 100 },
  );
async function deployed(stackId: string, hosts: string, reporting: readonly string[]): Promise<void> {
  await fleet.rollouts.create(fleet.caller, { stackId, revision: 0 });
  await until(stackId, hosts, reporting);
  await vi.waitFor(
    async () => {
      await report(reporting);
      expect((await rollouts(stackId)).at(-1)).toMatch(/succeeded$/);
    },
    { timeout: 60_000, interval: 100 },
  );
}
/** Longer than the keeper waits before it looks. */
const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3_000));

test("a new host that matches gets the stack by itself, one whose labels change gives it up, as the placement does", async () => {
  const first = await newHost("n1", { fleet: "new" });
  const stackId = await newStack("new", { matchLabels: { fleet: "new" } });
  await deployed(stackId, "n1:1", [first]);
  // A revision that nobody rolled out is nobody's yet.
  await revise(stackId, "services: {web: {image: 'hello:2'}}");
  const second = await newHost("n2", { fleet: "new" });
  await until(stackId, "n1:1 n2:1", [first, second]);
  await setLabels(first, {});
  await until(stackId, "n2:1", [first, second]);
  await fleet.stacks.update(fleet.caller, {
    stackId,
    placement: { ...emptyPlacement, hostIds: [first, second] },
    etag: "",
  });
  await until(stackId, "n1:1 n2:1", [first, second]);
  await vi.waitFor(
    async () => {
      await report([first, second]);
      expect(await rollouts(stackId)).toEqual(["person succeeded", ...Array<string>(3).fill("placement succeeded")]);
    },
    { timeout: 60_000, interval: 100 },
  );
  await change(first, sql`scheduling = 'cordoned'`);
  const third = await newHost("n3", { fleet: "other" });
  await quiet();
  expect(await wantedOn(stackId)).toBe("n1:1 n2:1");
  expect(await rollouts(stackId)).toHaveLength(4);
  await change(third, sql`revoked_at = now()`);
});

test("a host that is gone for long has its copy elsewhere by itself; when it is back, nothing moves", async () => {
  const [one, two] = [await newHost("g1", { fleet: "gone" }), await newHost("g2", { fleet: "gone" })];
  const placement = { matchLabels: { fleet: "gone" }, strategy: "spread", replicas: 1 } as const;
  const stackId = await newStack("gone", { ...placement, hostGoneAfterSeconds: 60 });
  await deployed(stackId, "g1:1", [one]);
  await awayFor(one, 30);
  await quiet();
  expect(await wantedOn(stackId)).toBe("g1:1");
  // It is gone when its time is over, without any other event: 58 seconds away, two more to go.
  await awayFor(one, 58);
  await until(stackId, "g1:1 g2:1", [two]);
  await fleet.setPresence(one, "online");
  await until(stackId, "g2:1", [one, two]);
  await quiet();
  expect(await wantedOn(stackId)).toBe("g2:1");
});

test("a look at one stack does not put off the time of another", async () => {
  const [one, two] = [await newHost("k1", { fleet: "early" }), await newHost("k2", { fleet: "early" })];
  const three = await newHost("k3", { fleet: "late" });
  const spread = (fleet: string): Partial<Placement> => ({ matchLabels: { fleet }, strategy: "spread", replicas: 1 });
  const early = await newStack("early", { ...spread("early"), hostGoneAfterSeconds: 60 });
  await deployed(early, "k1:1", [one]);
  const late = await newStack("late", { ...spread("late"), hostGoneAfterSeconds: 3600 });
  await deployed(late, "k3:1", [three]);
  await awayFor(three, 10);
  await awayFor(one, 52);
  await quiet();
  // Looks at this stack only, whose own time comes much later.
  await fleet.stacks.update(fleet.caller, {
    stackId: late,
    placement: { ...emptyPlacement, ...spread("late"), hostGoneAfterSeconds: 3000 },
    etag: "",
  });
  await until(early, "k1:1 k2:1", [two]);
});

test("a draining host gives its copy away; a written volume goes nowhere before its host is off it, and that is said", async () => {
  const [one, two] = [await newHost("w1", { fleet: "writer" }), await newHost("w2", { fleet: "writer" })];
  const placement = { matchLabels: { fleet: "writer" }, strategy: "spread", replicas: 1 } as const;
  const stackId = await newStack("writer", placement, WRITER);
  await deployed(stackId, "w1:1", [one]);
  await inTenant((tx) =>
    sql`UPDATE observed_stacks SET containers = 1 WHERE host_id = ${one} AND stack_id = ${stackId}`.execute(tx.queries),
  );
  await setLabels(one, {});
  await until(stackId, "");
  await vi.waitFor(async () => expect(await short(stackId)).toContain("w1 may still run the stack"), 60_000);
  await quiet();
  expect(await wantedOn(stackId)).toBe("");
  // Seen to be off at last.
  await until(stackId, "w2:1", [one, two]);
  await vi.waitFor(async () => expect(await short(stackId)).toBe(""), 60_000);
  await change(two, sql`scheduling = 'draining'`);
  await quiet();
  expect(await wantedOn(stackId)).toBe("w2:1");
});
const short = (stackId: string): Promise<string> =>
  inTenant(async (tx) => {
    const { rows } = await sql<{ short: string }>`SELECT short FROM placement_shortages
      WHERE stack_id = ${stackId}`.execute(tx.queries);
    return rows[0]?.short ?? "";
  });

test("a rollout under way gets hosts that come, and loses those that leave, and is not superseded", async () => {
  const [one, two] = [await newHost("u1", { fleet: "under" }), await newHost("u2", { fleet: "under" })];
  const stackId = await newStack("under", { matchLabels: { fleet: "under" } });
  await fleet.setPresence(two, "offline");
  await fleet.rollouts.create(fleet.caller, { stackId, revision: 0 });
  await until(stackId, "u1:1", [one]);
  const three = await newHost("u3", { fleet: "under" });
  await until(stackId, "u1:1 u3:1", [one, three]);
  await setLabels(two, {});
  await vi.waitFor(
    async () => {
      await report([one, three]);
      const { rows } = await inTenant((tx) =>
        sql<{ action: string }>`SELECT action FROM rollout_hosts WHERE host_id = ${two}`.execute(tx.queries),
      );
      expect(rows).toEqual([{ action: "remove" }]);
    },
    { timeout: 60_000, interval: 100 },
  );
  await fleet.setPresence(two, "online");
  await vi.waitFor(
    async () => {
      await report([one, two, three]);
      expect(await rollouts(stackId)).toEqual(["person succeeded"]);
    },
    { timeout: 60_000, interval: 100 },
  );
  expect(await wantedOn(stackId)).toBe("u1:1 u3:1");
});

test("what failed is not tried again by itself, and that is said; who changes the placement tries it again", async () => {
  const [one] = [await newHost("f1", { fleet: "fails" })];
  const stackId = await newStack("fails", { matchLabels: { fleet: "fails" } });
  await deployed(stackId, "f1:1", [one]);
  const two = await newHost("f2", { fleet: "fails" });
  await until(stackId, "f1:1 f2:1");
  await inTenant(async (tx) => {
    const { generation } = await fleet.desired.desiredStateFor(tx, two);
    return generation;
  }).then((generation) =>
    fleet.desired.answered({
      organizationId: fleet.caller.organizationId,
      hostId: two,
      generation,
      refused: "its policy forbids it",
      code: "WF_POLICY",
    }),
  );
  await until(stackId, "f1:1", [one]);
  await vi.waitFor(async () => expect(await short(stackId)).toContain("did not come to f2 the last time"), 60_000);
  await quiet();
  expect(await rollouts(stackId)).toEqual(["person succeeded", "placement failed"]);
  const placement = { ...emptyPlacement, matchLabels: { fleet: "fails" } };
  await fleet.stacks.update(fleet.caller, { stackId, placement, etag: "" });
  await until(stackId, "f1:1 f2:1", [one, two]);
  await vi.waitFor(async () => expect(await short(stackId)).toBe(""), 60_000);
});

test("a removal that is taken back, since the host cannot do it, is tried once more and not for ever", async () => {
  const one = await newHost("r1", { fleet: "returns" });
  const two = await newHost("r2", { fleet: "returns" });
  const stackId = await newStack("returns", { matchLabels: { fleet: "returns" } });
  await deployed(stackId, "r1:1 r2:1", [one, two]);
  const { policy } = await inTenant((tx) => fleet.stacks.get(tx, stackId));
  const rollout = RolloutStrategy.fromPartial({ onFailure: RolloutStrategy_OnFailure.ON_FAILURE_ROLL_BACK });
  await fleet.stacks.update(fleet.caller, { stackId, policy: { ...policy, rollout }, etag: "" });
  await setLabels(two, {});
  const { organizationId } = fleet.caller;
  // Does what was wanted of it when it asked, and refuses to give the stack away.
  const answer = async (): Promise<void> => {
    const told = await inTenant((tx) => fleet.desired.desiredStateFor(tx, two));
    const { generation, stacks } = told;
    if (stacks.length > 0) return fleet.report(two, {}, told);
    await fleet.desired.answered({ organizationId, hostId: two, generation, refused: "its engine is stuck" });
  };
  const twice = ["person succeeded", "placement rolled-back", "placement rolled-back"];
  await vi.waitFor(
    async () => {
      await answer();
      expect(await rollouts(stackId)).toEqual(twice);
    },
    { timeout: 60_000, interval: 100 },
  );
  await quiet();
  await answer();
  await quiet();
  expect(await rollouts(stackId)).toEqual(twice);
  expect(await short(stackId)).toContain("it does not belong on r2");
});

test("two that are placed at the same time see what the other takes; two keepers at once make one rollout", async () => {
  const hostIds = [await newHost("c1", { fleet: "both" }), await newHost("c2", { fleet: "both" })];
  const facts = JSON.stringify({ arch: "x64", cpuCount: 4, memoryBytes: 2 ** 30, diskFreeBytes: 2 ** 30 });
  for (const hostId of hostIds) await change(hostId, sql`facts = ${facts}`);
  const placement = { matchLabels: { fleet: "both" }, strategy: "binpack", replicas: 1 } as const;
  const text = "services: {web: {image: 'a:1', mem_reservation: 700m}}";
  const stacks = [await newStack("both-a", placement, text), await newStack("both-b", placement, text)];
  await Promise.all(stacks.map((stackId) => fleet.rollouts.create(fleet.caller, { stackId, revision: 0 })));
  await vi.waitFor(async () => {
    const where = await Promise.all(stacks.map(wantedOn));
    expect(where.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["c1:1", "c2:1"]);
  }, 60_000);

  const all = await newStack("both-all", { matchLabels: { fleet: "both" } });
  await deployed(all, "c1:1 c2:1", hostIds);
  const others = [fleet.newKeeper(), fleet.newKeeper()];
  for (const other of others) await other.start();
  const third = await newHost("c3", { fleet: "both" });
  await until(all, "c1:1 c2:1 c3:1", [...hostIds, third]);
  await quiet();
  for (const other of others) await other.stop();
  expect(await rollouts(all)).toEqual(["person succeeded", expect.stringMatching(/^placement /)]);
});

test("free disk is asked of a host that is new, and one that does not say how much it has takes nothing", async () => {
  const [full, roomy, silent] = [
    await newHost("d1", { fleet: "disk" }),
    await newHost("d2", { fleet: "disk" }),
    await newHost("d3", { fleet: "disk" }),
  ];
  const facts = (diskFreeBytes: number): string => JSON.stringify({ arch: "x64", cpuCount: 4, diskFreeBytes });
  await change(full, sql`facts = ${facts(2 ** 20)}`);
  await change(roomy, sql`facts = ${facts(2 ** 33)}`);
  const constraints = { ...emptyPlacement.constraints, freeDiskBytes: 2 ** 30 };
  const stackId = await newStack("disk", { matchLabels: { fleet: "disk" }, constraints });
  await deployed(stackId, "d2:1", [roomy]);
  await change(roomy, sql`facts = ${facts(0)}`);
  await change(silent, sql`facts = ${facts(2 ** 31)}`);
  await until(stackId, "d2:1 d3:1", [roomy, silent]);
});
