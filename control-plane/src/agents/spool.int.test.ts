import type { SpoolEntry } from "@windflow/proto/agent";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../platform/db/connection.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import type { TestSession } from "../testing/test-agent.ts";

// Of this database: on a server that is given, others work beside it.
const END_CONNECTIONS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;

let app: TestApp;
let hosts: TestHosts;
let transactions = 0;
let fullDisk = false;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
  app.app.agents.hooks.onSpool({
    name: "a sink that refuses some entries",
    store: async (tx, batches) => {
      transactions += 1;
      await Promise.resolve();
      if (fullDisk)
        await sql`DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$`.execute(tx.queries);
      for (const { entries } of batches) {
        if (entries.some((entry) => messageOf(entry) === "poison")) throw new Error("this entry cannot be stored");
      }
    },
  });
});
afterAll(async () => {
  await app.stop();
});

const messageOf = (entry: SpoolEntry): string => (entry.kind?.$case === "event" ? entry.kind.value.message : "");

function send(session: TestSession, messages: string[], after = 0, ackLater = false): void {
  const nothing = { containerId: "", containerName: "", stackId: "", service: "", attributes: {} };
  const entries = messages.map((message, index) => ({
    sequence: BigInt(after + index + 1),
    at: new Date(),
    kind: { $case: "event" as const, value: { type: "container.die", message, severity: "error", ...nothing } },
  }));
  session.send({ $case: "spoolBatch", value: { spoolId: "spool-1", entries, dropped: 0n, ackLater } });
}
async function stored(hostId: string): Promise<string[]> {
  const { rows } = await app.platform.database.inOrganization(app.organizationId, (tx) =>
    sql<{
      message: string;
    }>`SELECT message FROM events WHERE host_id = ${hostId} AND type = 'container.die' ORDER BY id`.execute(tx.queries),
  );
  return rows.map((row) => row.message);
}

describe("what many hosts send at once", () => {
  it("is committed together, and acknowledged to each", async () => {
    const identities = [];
    for (let index = 0; index < 12; index++) identities.push(await hosts.newHost(`crowd-${index}`));
    const sessions = await Promise.all(identities.map((identity) => hosts.session(identity)));
    transactions = 0;
    for (const session of sessions) send(session, ["a", "b", "c"]);
    const acks = await Promise.all(sessions.map((session) => session.next("spoolAck")));
    expect(acks.map((ack) => ack.sequence)).toEqual(sessions.map(() => 3n));
    expect(transactions).toBeLessThan(sessions.length);
    for (const { hostId } of identities) expect(await stored(hostId)).toEqual(["a", "b", "c"]);
    for (const session of sessions) session.close();
  });

  it("is stored once though the database goes away again and again", async () => {
    const identity = await hosts.newHost("patient");
    const session = await hosts.session(identity);
    const killer = createClient(app.database.connection, "test");
    killer.on("error", () => undefined);
    await killer.connect();
    const batches = 30;
    for (let batch = 0; batch < batches; batch++) {
      send(session, [`${batch}a`, `${batch}b`], batch * 2);
      if (batch % 5 === 2) await killer.query(END_CONNECTIONS);
      const ack = await session.next("spoolAck");
      expect(ack.sequence).toBe(BigInt(batch * 2 + 2));
    }
    await killer.end();
    const wanted = Array.from({ length: batches }, (_, batch) => [`${batch}a`, `${batch}b`]).flat();
    expect((await stored(identity.hostId)).toSorted()).toEqual(wanted.toSorted());
    session.close();
  });

  it("is the host's last observed state, whatever happened to the database meanwhile", async () => {
    const identity = await hosts.newHost("observed");
    const session = await hosts.session(identity);
    const killer = createClient(app.database.connection, "test");
    killer.on("error", () => undefined);
    await killer.connect();
    const nothing = { generation: { term: 1n, n: 0n }, containers: [], stacks: [], engineProblem: "" };
    for (let round = 0; round < 4; round++) {
      session.send({ $case: "observed", value: { at: new Date(), digest: `early-${round}`, ...nothing } });
      session.send({ $case: "observed", value: { at: new Date(), digest: `last-${round}`, ...nothing } });
      await killer.query(END_CONNECTIONS);
      const digest = async (): Promise<unknown> =>
        (
          await killer.query<{ digest: string }>("SELECT digest FROM host_observed WHERE host_id = $1", [
            identity.hostId,
          ])
        ).rows[0]?.digest;
      await expect.poll(digest).toBe(`last-${round}`);
    }
    await killer.end();
    session.close();
  });

  it("is stored but for the entry that nobody can store, which holds up neither its host nor another", async () => {
    const [good, bad] = [await hosts.newHost("good"), await hosts.newHost("bad")];
    const [goodSession, badSession] = [await hosts.session(good), await hosts.session(bad)];
    send(badSession, ["before", "poison", "after"]);
    send(goodSession, ["mine"]);
    expect(await goodSession.next("spoolAck")).toMatchObject({ sequence: 1n });
    expect(await badSession.next("spoolAck")).toMatchObject({ sequence: 3n });
    expect(await stored(bad.hostId)).toEqual(["before", "after"]);
    expect(await stored(good.hostId)).toEqual(["mine"]);
    goodSession.close();
    badSession.close();
  });

  it("is not acknowledged while the database has no room, and is stored whole when it has", async () => {
    const host = await hosts.newHost("patient");
    const session = await hosts.session(host);
    fullDisk = true;
    send(session, ["a", "b"]);
    await expect(session.next("spoolAck", 400)).rejects.toThrow("no spoolAck");
    fullDisk = false;
    expect(await session.next("spoolAck")).toMatchObject({ sequence: 2n });
    expect(await stored(host.hostId)).toEqual(["a", "b"]);
    session.close();
  });

  it("is lost to nobody who sends more than it may: what was acknowledged is stored, and the rest comes in a new session", async () => {
    const host = await hosts.newHost("hasty");
    const session = await hosts.session(host);
    const total = 40;
    fullDisk = true;
    for (let batch = 0; batch < total; batch++) send(session, [`${batch}`], batch);
    expect(await session.next("goodbye")).toMatchObject({ code: "WF_SPOOL_OVERRUN", doNotReturn: false });
    await session.ended();
    fullDisk = false;
    const next = await hosts.session(host, { spoolId: "spool-1" });
    const after = Number(next.welcome.spoolAcked);
    expect(after).toBeLessThan(total);
    const left = Array.from({ length: total - after }, (_, index) => `${after + index}`);
    send(next, left, after);
    expect(await next.next("spoolAck")).toMatchObject({ sequence: BigInt(total) });
    expect(await stored(host.hostId)).toEqual(Array.from({ length: total }, (_, index) => `${index}`));
    next.close();
  });

  it("is stored all the same when the host can do without an answer, and acknowledged with what comes next", async () => {
    const host = await hosts.newHost("brief");
    const session = await hosts.session(host);
    send(session, ["a"], 0, true);
    await expect.poll(() => stored(host.hostId)).toEqual(["a"]);
    send(session, ["b"], 1);
    expect(await session.next("spoolAck")).toMatchObject({ sequence: 2n });
    send(session, ["c"], 2, true);
    await expect.poll(() => stored(host.hostId)).toEqual(["a", "b", "c"]);
    // Nothing of it is new: whoever asks again is told where he stands.
    send(session, ["b"], 1);
    expect(await session.next("spoolAck")).toMatchObject({ sequence: 3n });
    session.close();
  });
});
