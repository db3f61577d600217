import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLog, systemClock } from "../platform/index.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { jumpingClock } from "../testing/jumping-clock.ts";
import { startTestApp, startTestDatabase, type TestApp, type TestDatabase } from "../testing/index.ts";
import { dial, openTestSession } from "../testing/test-agent.ts";

// Leases are judged every 5 s of this clock; real time goes on for everything that waits for sockets.
const JUDGE_MS = 5_000;

const log = createLog({ level: "silent" });
const clock = jumpingClock();
let database: TestDatabase;
let stateDirectory: string;
let app: TestApp;
let hosts: TestHosts;

const start = async (): Promise<void> => {
  app = await startTestApp({ clock, database, stateDirectory });
  hosts = testHosts(app);
};
beforeAll(async () => {
  database = await startTestDatabase(log);
  stateDirectory = await mkdtemp(join(tmpdir(), "windflow-keys-"));
  await start();
});
afterAll(async () => {
  await app.stop();
  await database.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});

const is = (presence: string) => (host: { presence: unknown }) => host.presence === `PRESENCE_${presence}`;
const heartbeat = { $case: "heartbeat", value: { agentTime: undefined, engineOk: true, engineProblem: "" } } as const;
/** Lets the judge look several times, as it would in that time. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += JUDGE_MS) {
    clock.jump(JUDGE_MS);
    await systemClock.sleep(15);
  }
}
async function events(hostId: string): Promise<string[]> {
  const { json } = await app.rest.call("GET", `/v1/organizations/${app.organizationId}/events?hostId=${hostId}`);
  return (json as { events: Event[] }).events.map((event) => event.type).toReversed();
}

describe("a host's presence", () => {
  it("is a lease: one heartbeat that is lost changes nothing, silence makes it stale, then offline", async () => {
    const host = await hosts.newHost("leased");
    const session = await hosts.session(host);
    for (let round = 0; round < 3; round++) {
      // Two of three heartbeats do not come.
      await pass(40_000);
      expect(await hosts.get(host.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
      session.send(heartbeat);
      await session.next("heartbeatReply");
    }
    await pass(50_000);
    const stale = await hosts.until(host.hostId, is("STALE"));
    expect(stale.presenceCause).toContain("its session is open but silent");
    session.send(heartbeat);
    await session.next("heartbeatReply");
    await pass(JUDGE_MS);
    await hosts.until(host.hostId, is("ONLINE"));
    await pass(100_000);
    await hosts.until(host.hostId, is("OFFLINE"));
    // A link that is dead for so long is given up, so that it holds no memory.
    expect(await session.ended()).toBeUndefined();
    expect(await events(host.hostId)).toEqual([
      "host.enrolled",
      "host.online",
      "host.stale",
      "host.online",
      "host.stale",
      "host.offline",
    ]);
    const again = await hosts.session(host);
    expect(await hosts.get(host.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
    again.close();
  });

  it("is renewed by any byte: an upload that the heartbeats wait behind counts as well", async () => {
    const host = await hosts.newHost("uploading");
    const session = await hosts.session(host);
    const value = { containerId: "c1", follow: true, tail: 0, since: undefined, until: undefined };
    const leave = new AbortController();
    const opening = app.app.agents.gateway.openStream(host.hostId, { $case: "logs", value }, leave.signal);
    const { ticket } = await session.next("openStream");
    const client = dial(app, host);
    const call = client.openStream();
    call.on("error", () => undefined);
    call.write({ kind: { $case: "ticket", value: ticket } });
    const { messages } = await opening;
    const reading = messages[Symbol.asyncIterator]();
    for (let round = 0; round < 4; round++) {
      await pass(40_000);
      call.write({ kind: { $case: "logs", value: { entries: [], dropped: 0 } } });
      await reading.next();
      expect(await hosts.get(host.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
    }
    leave.abort();
    client.close();
    session.close();
  });

  it("stays online through a short reconnect, and names the cause when the agent does not come back", async () => {
    const host = await hosts.newHost("leaving");
    const session = await hosts.session(host);
    session.send({
      $case: "goodbye",
      value: { code: "WF_AGENT_STOPPING", message: "the agent is updated", retryAfterMs: 0, doNotReturn: false },
    });
    await session.ended();
    await pass(20_000);
    expect(await hosts.get(host.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
    await pass(30_000);
    const stale = await hosts.until(host.hostId, is("STALE"));
    expect(stale.presenceCause).toContain("the agent is updated");
  });

  it("is honest after a restart of the control plane: by what was last seen, until the host is back", async () => {
    const returns = await hosts.newHost("returns");
    const stays = await hosts.newHost("stays-away");
    const before = [await hosts.session(returns), await hosts.session(stays)];
    await app.stop();
    for (const session of before) expect(await session.next("goodbye")).toMatchObject({ code: "WF_SHUTTING_DOWN" });
    await start();
    expect(await hosts.get(stays.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
    const session = await openTestSession(app, returns);
    expect(session.welcome.epoch).toBe(before[0]!.welcome.epoch + 1n);
    await pass(50_000);
    const stale = await hosts.until(stays.hostId, is("STALE"));
    expect(stale.presenceCause).toContain("it has no session");
    session.send(heartbeat);
    await pass(70_000);
    await hosts.until(stays.hostId, is("OFFLINE"));
    session.close();
  });

  it("follows the host from one control plane to another, and from one that died", async () => {
    const second = await startTestApp({ clock, database, stateDirectory });
    const host = await hosts.newHost("moving");
    const first = await hosts.session(host);
    const beat = async (session: typeof first): Promise<void> => {
      session.send(heartbeat);
      await session.next("heartbeatReply");
    };
    // The second one does not judge what the first one hears.
    for (let round = 0; round < 3; round++) {
      await pass(30_000);
      await beat(first);
    }
    const moved = await openTestSession(second, host);
    expect(moved.welcome.epoch).toBe(first.welcome.epoch + 1n);
    expect(await first.next("goodbye")).toMatchObject({ code: "WF_SESSION_SUPERSEDED" });
    for (let round = 0; round < 3; round++) {
      await pass(30_000);
      await beat(moved);
    }
    expect(await events(host.hostId)).toEqual(["host.enrolled", "host.online"]);
    // As after a power cut of the second one: its row stays, and grows old.
    await app.platform.database.asSystem(async (tx) => {
      await sql`UPDATE hosts SET session_replica = 'rep_dead', last_seen_at = ${clock.now()} WHERE id = ${host.hostId}`.execute(
        tx.queries,
      );
    });
    moved.close();
    await expect.poll(() => second.app.agents.connectedHosts()).toBe(0);
    await second.stop();
    await pass(120_000);
    await hosts.until(host.hostId, is("OFFLINE"));
  });
});
