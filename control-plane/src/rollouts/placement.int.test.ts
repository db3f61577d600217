import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { emptyPlacement, noConstraints, type Placement } from "../placement/index.ts";
import {
  commonErrors,
  createLog,
  openPlatform,
  systemClock,
  type Platform,
  type UnitOfWork,
} from "../platform/index.ts";
import { stacksErrors } from "../stacks/index.ts";
import { startTestDatabase, type TestDatabase } from "../testing/database.ts";
import { promptStrategy } from "../testing/strategy.ts";
import { createFleet, type Fleet } from "../testing/fleet.ts";
import { rolloutsErrors } from "./errors.ts";

const log = createLog({ level: "silent" });
let server: TestDatabase;
let platform: Platform;
let fleet: Fleet;

beforeAll(async () => {
  server = await startTestDatabase(log);
  platform = await openPlatform({ connection: server.connection, clock: systemClock, log });
  fleet = await createFleet(platform);
});
afterAll(async () => {
  await platform?.close();
  await server?.stop();
});

const inTenant = <Result>(work: (tx: UnitOfWork) => Promise<Result>): Promise<Result> =>
  platform.database.inOrganization(fleet.caller, work);

async function newStack(name: string, placement: Partial<Placement>, yaml = 'image: "hello:1"'): Promise<string> {
  const stack = await fleet.stacks.create(fleet.caller, { name, placement: { ...emptyPlacement, ...placement } });
  const [head, ...more] = yaml.split("\n---\n");
  const text = `services:\n  web:\n    ${(head ?? "").replaceAll("\n", "\n    ")}\n${more.join("\n")}`;
  const source = { files: { "compose.yaml": text }, composeFiles: [], variables: [], profiles: [], attachments: [] };
  await fleet.revisions.create(fleet.caller, { stackId: stack.id, source, message: "" });
  return stack.id;
}

/** What the rollout does on which host; it goes on to no end, since no worker runs here. */
async function deploy(stackId: string): Promise<string> {
  const { hosts } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, strategy: promptStrategy() });
  return hosts
    .map((host) => `${host.action} ${host.hostName}`)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .join(", ");
}
async function update(stackId: string, change: Partial<Placement>): Promise<void> {
  const { placement } = await inTenant((tx) => fleet.stacks.get(tx, stackId));
  await fleet.stacks.update(fleet.caller, { stackId, placement: { ...placement, ...change }, etag: "" });
}
async function awayFor(hostId: string, seconds: number): Promise<void> {
  await fleet.setPresence(hostId, "offline");
  await inTenant((tx) =>
    sql`UPDATE hosts SET presence_since = ${new Date(Date.now() - seconds * 1000)} WHERE id = ${hostId}`.execute(
      tx.queries,
    ),
  );
}

test("N hosts are spread over a label; a new host takes nothing from those that have it; more replicas do", async () => {
  for (const [name, rack] of Object.entries({ s1: "a", s2: "a", s3: "b" }))
    await fleet.addHost(name, { fleet: "spread", rack });
  const placement = { matchLabels: { fleet: "spread" }, strategy: "spread", replicas: 2, spreadBy: "rack" } as const;
  const stackId = await newStack("spread", placement);
  expect(await deploy(stackId)).toBe("deploy s1, deploy s3");
  await fleet.addHost("s0", { fleet: "spread", rack: "c" });
  expect(await deploy(stackId)).toBe("deploy s1, deploy s3");
  await update(stackId, { replicas: 3 });
  expect(await deploy(stackId)).toBe("deploy s0, deploy s1, deploy s3");
  await update(stackId, { replicas: 1 });
  expect(await deploy(stackId)).toBe("deploy s0, remove s1, remove s3");
});

test("a host that is gone for long has its copy placed elsewhere, and takes nothing back when it returns", async () => {
  const [first] = [await fleet.addHost("g1", { fleet: "gone" }), await fleet.addHost("g2", { fleet: "gone" })];
  const placement = { matchLabels: { fleet: "gone" }, strategy: "spread", replicas: 1 } as const;
  const stackId = await newStack("gone", { ...placement, hostGoneAfterSeconds: 60 });
  expect(await deploy(stackId)).toBe("deploy g1");
  await awayFor(first, 30);
  expect(await deploy(stackId)).toBe("deploy g1");
  await awayFor(first, 90);
  expect(await deploy(stackId)).toBe("deploy g2, remove g1");
  await fleet.setPresence(first, "online");
  expect(await deploy(stackId)).toBe("deploy g2, remove g1");
});

test("a written volume stays where it is until its host is revoked or released, also while it only may still run", async () => {
  const [first, second] = [await fleet.addHost("v1", { fleet: "vol" }), await fleet.addHost("v2", { fleet: "vol" })];
  const placement = { matchLabels: { fleet: "vol" }, strategy: "spread", replicas: 1 } as const;
  const yaml = 'image: "db:1"\nvolumes: ["data:/data"]\n---\nvolumes: {data: {}}';
  const stackId = await newStack("volume", { ...placement, hostGoneAfterSeconds: 60 }, yaml);
  expect(await deploy(stackId)).toBe("deploy v1");
  await fleet.report(first, {});
  await awayFor(first, 3600);
  expect(await deploy(stackId)).toBe("deploy v1");
  await update(stackId, { matchLabels: {}, hostIds: [second] });
  expect(await deploy(stackId)).toBe("remove v1");
  await update(stackId, { releasedHostIds: [first] });
  expect(await deploy(stackId)).toBe("deploy v2, remove v1");
});

test("a written volume that is moved by hand leaves its host first; the new host waits until nothing runs there", async () => {
  const [first, second] = [await fleet.addHost("m1"), await fleet.addHost("m2")];
  const yaml = 'image: "db:1"\nvolumes: ["data:/data"]\n---\nvolumes: {data: {}}';
  const stackId = await newStack("moved", { hostIds: [first], strategy: "spread", replicas: 1 }, yaml);
  expect(await deploy(stackId)).toBe("deploy m1");
  await fleet.report(first, {});
  const containersOnFirst = (containers: number): Promise<unknown> =>
    inTenant((tx) =>
      sql`UPDATE observed_stacks SET containers = ${containers} WHERE host_id = ${first}`.execute(tx.queries),
    );
  await containersOnFirst(1);
  await update(stackId, { hostIds: [second] });
  expect(await deploy(stackId)).toBe("remove m1");
  await expect(deploy(stackId)).rejects.toMatchObject({
    code: rolloutsErrors.WF_ROLLOUT_NO_HOST,
    detail: expect.stringContaining("m1 may still run the stack, and volume data has one writer only") as string,
  });
  // It had none when it was last heard of, but that was before it was told to take the stack off.
  await containersOnFirst(0);
  await expect(deploy(stackId)).rejects.toMatchObject({ code: rolloutsErrors.WF_ROLLOUT_NO_HOST });
  await fleet.report(first, {});
  expect(await deploy(stackId)).toBe("deploy m2");
});

test("a draining host gives its copy away with the next rollout, and keeps what belongs on all hosts", async () => {
  const [first] = [await fleet.addHost("d1", { fleet: "drain" }), await fleet.addHost("d2", { fleet: "drain" })];
  const one = await newStack("drain-one", { matchLabels: { fleet: "drain" }, strategy: "spread", replicas: 1 });
  const all = await newStack("drain-all", { matchLabels: { fleet: "drain" } });
  expect(await deploy(one)).toBe("deploy d1");
  expect(await deploy(all)).toBe("deploy d1, deploy d2");
  await inTenant((tx) => sql`UPDATE hosts SET scheduling = 'draining' WHERE id = ${first}`.execute(tx.queries));
  expect(await deploy(one)).toBe("deploy d2, remove d1");
  expect(await deploy(all)).toBe("deploy d1, deploy d2");
  const late = await newStack("drain-late", { matchLabels: { fleet: "drain" } });
  expect(await deploy(late)).toBe("deploy d2");
});

test("reserved memory and published ports of other stacks send a copy elsewhere; what is missing is said", async () => {
  const ids = [await fleet.addHost("c1", { fleet: "cap" }), await fleet.addHost("c2", { fleet: "cap" })];
  const facts = JSON.stringify({ arch: "x64", cpuCount: 4, memoryBytes: 2 ** 30 });
  await inTenant((tx) => sql`UPDATE hosts SET facts = ${facts} WHERE id = ANY(${ids})`.execute(tx.queries));
  const placement = { matchLabels: { fleet: "cap" }, strategy: "binpack", replicas: 1 } as const;
  const reserving = 'image: "a:1"\nports: ["8080:80"]\ndeploy: {resources: {reservations: {memory: 512M}}}';
  const one = await newStack("cap-one", placement, reserving);
  expect(await deploy(one)).toBe("deploy c1");
  // Binpack would take the same host, but for its port.
  const two = await newStack("cap-two", placement, 'image: "a:1"\nports: ["8080:80"]');
  expect(await deploy(two)).toBe("deploy c2");
  const small = await newStack("cap-small", placement, 'image: "a:1"');
  expect(await deploy(small)).toBe("deploy c1");
  const large = await newStack("cap-large", placement, 'image: "a:1"\nmem_reservation: 768m');
  expect(await deploy(large)).toBe("deploy c2");
  const third = await newStack("cap-third", placement, 'image: "a:1"\nports: ["8080:80"]');
  await expect(deploy(third)).rejects.toMatchObject({
    code: rolloutsErrors.WF_ROLLOUT_NO_HOST,
    detail: expect.stringContaining("1 wanted, 0 found; not chosen: 2 port") as string,
  });
});

test("a placement that makes no sense is refused with its place, and old rows mean what they meant", async () => {
  const create = (placement: Partial<Placement>): Promise<unknown> =>
    fleet.stacks.create(fleet.caller, { name: "wrong", placement: { ...emptyPlacement, ...placement } });
  const paths = async (placement: Partial<Placement>): Promise<unknown> => {
    const error: unknown = await create(placement).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: commonErrors.WF_INVALID_ARGUMENT });
    return (error as { violations: { path: string }[] }).violations.map(({ path }) => path);
  };
  expect(await paths({ strategy: "spread" })).toEqual(["placement.replicas"]);
  expect(await paths({ replicas: 2, spreadBy: "rack" })).toEqual(["placement.replicas", "placement.spreadBy"]);
  const expressions = [
    { key: "a", operator: "in", values: [] },
    { key: "a", operator: "exists", values: ["b"] },
    { key: "fact/", operator: "equals", values: ["b"] },
  ] as const;
  expect(await paths({ expressions })).toEqual([
    "placement.expressions[0].values",
    "placement.expressions[1].values",
    "placement.expressions[2].key",
  ]);

  await fleet.addHost("o1", { fleet: "old" });
  const stackId = await newStack("old", {});
  const old = JSON.stringify({ matchLabels: { fleet: "old" }, hostIds: [], environmentId: "", allHosts: false });
  await inTenant((tx) => sql`UPDATE stacks SET placement = ${old} WHERE id = ${stackId}`.execute(tx.queries));
  expect(await inTenant((tx) => fleet.stacks.get(tx, stackId))).toMatchObject({
    placement: { strategy: "all", constraints: noConstraints },
  });
  expect(await deploy(stackId)).toBe("deploy o1");
});

test("a stack with secrets is not placed by what hosts say of themselves, in no part of the placement", async () => {
  await fleet.addHost("f1", { fleet: "facts" });
  const expression = { key: "fact/arch", operator: "exists", values: [] } as const;
  const stack = await fleet.stacks.create(fleet.caller, {
    name: "facts",
    placement: { ...emptyPlacement, matchLabels: { fleet: "facts" }, expressions: [expression] },
  });
  const source = {
    files: { "compose.yaml": "services: {web: {image: 'a:1', environment: {PASSWORD: '${PASSWORD}'}}}" },
    composeFiles: [],
    variables: [{ name: "PASSWORD", value: "hunter2", secret: true }],
    profiles: [],
    attachments: [],
  };
  await fleet.revisions.create(fleet.caller, { stackId: stack.id, source, message: "" });
  await expect(deploy(stack.id)).rejects.toMatchObject({ code: stacksErrors.WF_STACK_FACT_SELECTOR });
});
