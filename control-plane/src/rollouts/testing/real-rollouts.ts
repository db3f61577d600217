import { sql } from "kysely";
import { emptyPlacement } from "../../placement/index.ts";
import { createLog, openPlatform, systemClock, type Platform, type UnitOfWork } from "../../platform/index.ts";
import { startTestDatabase } from "../../testing/database.ts";
import { createFleet, type Fleet } from "../../testing/fleet.ts";
import type { RolloutWorker } from "../index.ts";
import { readRollout, type StoredRollout } from "../store.ts";
import { readHosts, type StoredRolloutHost } from "../store-hosts.ts";

/** Rollouts on a real database, with a worker; tests say what the hosts report. */
export interface RealRollouts {
  readonly platform: Platform;
  readonly fleet: Fleet;
  inTenant<Result>(work: (tx: UnitOfWork) => Promise<Result>): Promise<Result>;
  startWorker(): Promise<RolloutWorker>;
  stopWorkers(): Promise<void>;
  addHosts(...names: string[]): Promise<string[]>;
  /** A stack with one revision, placed on these hosts. */
  stackOn(name: string, hostIds: string[]): Promise<string>;
  /** One revision more; returns its number. */
  revise(stackId: string): Promise<number>;
  read(rolloutId: string): Promise<{ rollout: StoredRollout; hosts: StoredRolloutHost[] }>;
  /** "running, a applying, b pending". */
  states(rolloutId: string): Promise<string>;
  /** Revision of the stack that the host must run; 0 when it must not. */
  wanted(hostId: string, stackId: string): Promise<number>;
  /** Types of the stack's events, oldest first. */
  history(stackId: string): Promise<string[]>;
  /** Actions of the audit trail about the rollout, oldest first. */
  audited(rolloutId: string): Promise<string[]>;
  close(): Promise<void>;
}

export async function openRealRollouts(): Promise<RealRollouts> {
  const log = createLog({ level: process.env["TEST_LOG"] === "1" ? "debug" : "silent" });
  const server = await startTestDatabase(log);
  const platform = await openPlatform({ connection: server.connection, clock: systemClock, log });
  const fleet = await createFleet(platform);
  const workers: RolloutWorker[] = [];
  const stopWorkers = async (): Promise<void> => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  };
  const inTenant: RealRollouts["inTenant"] = (work) => platform.database.inOrganization(fleet.caller, work);
  let images = 0;

  const revise: RealRollouts["revise"] = async (stackId) => {
    images++;
    const files = { "compose.yaml": `services: {web: {image: "hello:${images}"}}` };
    const source = { files, composeFiles: [], variables: [], profiles: [], attachments: [] };
    return (await fleet.revisions.create(fleet.caller, { stackId, source, message: "" })).number;
  };
  const read: RealRollouts["read"] = (rolloutId) =>
    inTenant(async (tx) => {
      const rollout = await readRollout(tx, rolloutId, "look");
      if (rollout === undefined) throw new Error("the rollout is gone");
      return { rollout, hosts: await readHosts(tx, rolloutId) };
    });

  return {
    platform,
    fleet,
    inTenant,
    revise,
    read,
    stopWorkers,
    startWorker: async () => {
      const worker = fleet.newWorker();
      workers.push(worker);
      await worker.start();
      return worker;
    },
    addHosts: (...names) => Promise.all(names.map((name) => fleet.addHost(name, { name }))),
    stackOn: async (name, hostIds) => {
      const stack = await fleet.stacks.create(fleet.caller, { name, placement: { ...emptyPlacement, hostIds } });
      await revise(stack.id);
      return stack.id;
    },
    states: async (rolloutId) => {
      const { rollout, hosts } = await read(rolloutId);
      return [rollout.state, ...hosts.map((host) => `${host.hostName} ${host.state}`)].join(", ");
    },
    wanted: (hostId, stackId) =>
      inTenant(async (tx) => {
        const { stacks } = await fleet.desired.desiredStateFor(tx, hostId);
        return stacks.find((stack) => stack.stackId === stackId)?.revision ?? 0;
      }),
    history: (stackId) =>
      inTenant(async (tx) => {
        const { rows } = await sql<{ type: string }>`SELECT type FROM events WHERE stack_id = ${stackId}
          ORDER BY recorded_at, id`.execute(tx.queries);
        return rows.map((row) => row.type);
      }),
    audited: (rolloutId) =>
      inTenant(async (tx) => {
        const { rows } = await sql<{ action: string }>`SELECT action FROM audit_entries WHERE target_id = ${rolloutId}
          ORDER BY sequence`.execute(tx.queries);
        return rows.map((row) => row.action);
      }),
    close: async () => {
      await stopWorkers();
      await platform.close();
      await server.stop();
    },
  };
}
