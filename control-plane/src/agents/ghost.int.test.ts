import { createPrivateKey } from "node:crypto";
import { signHello } from "@windflow/core";
import type { ControlFrame } from "@windflow/proto/agent";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { UnitOfWork } from "../platform/index.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { dial, hostReport, NOTHING_MORE } from "../testing/test-agent.ts";
import type { FromAgent } from "./wire.ts";

let app: TestApp;
let hosts: TestHosts;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

test("a link that breaks while its session is being opened leaves no session behind", async () => {
  const host = await hosts.newHost("cut-while-greeting");
  const client = dial(app, host);
  const call = client.connect();
  call.on("error", () => undefined);
  const challenge = await new Promise<ControlFrame>((resolve) => call.once("data", resolve));
  const nonce = challenge.kind?.$case === "challenge" ? challenge.kind.value.nonce : new Uint8Array();
  const greeted = Promise.withResolvers<undefined>();
  const held = app.platform.database.asSystem(async (tx) => {
    // The database is slow for a moment: whoever opens a session waits for the host's row.
    await sql`SELECT 1 FROM hosts WHERE id = ${host.hostId} FOR UPDATE`.execute(tx.queries);
    const nonceSignature = signHello(createPrivateKey(host.privateKeyPem), nonce, host.hostId);
    const ids = { bootId: "boot-1", instanceId: "i", observedDigest: "", spoolId: "s", sealingKey: new Uint8Array() };
    const versions = { agentVersion: "0.1.0", protocolVersion: 1, agentTime: new Date(), generation: undefined };
    const value = { ...ids, ...versions, ...NOTHING_MORE, host: hostReport("edge"), nonceSignature };
    call.write({ id: 1n, ack: 0n, kind: { $case: "hello", value } });
    await expect
      .poll(async () => {
        const waiting = await sql`SELECT 1 FROM pg_locks WHERE NOT granted`.execute(tx.queries);
        return waiting.rows.length;
      })
      .toBeGreaterThan(0);
    call.cancel();
    client.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
    greeted.resolve(undefined);
  });
  await held;
  await greeted.promise;
  await expect
    .poll(async () => {
      const row = await app.platform.database.asSystem((tx) =>
        sql<{ epoch: bigint; replica: string | null; closed: Date | null }>`SELECT epoch, session_replica AS replica,
          session_closed_at AS closed FROM hosts WHERE id = ${host.hostId}`.execute(tx.queries),
      );
      return row.rows[0];
    })
    .toMatchObject({ epoch: 1n, replica: null, closed: expect.any(Date) });
  expect(app.app.agents.connectedHosts()).toBe(0);
});

test("what a replaced session still had to say does not overwrite what the new one said", async () => {
  const host = await hosts.newHost("replaced");
  const observed = (digest: string): FromAgent => ({
    $case: "observed",
    value: { at: new Date(), digest, generation: undefined, containers: [], stacks: [], engineProblem: "" },
  });
  const heartbeat: FromAgent = {
    $case: "heartbeat",
    value: { agentTime: undefined, engineOk: true, engineProblem: "" },
  };
  const stored = (): Promise<string | undefined> =>
    app.platform.database.asSystem(async (tx) => {
      const row = await sql<{
        digest: string;
      }>`SELECT digest FROM host_observed WHERE host_id = ${host.hostId}`.execute(tx.queries);
      return row.rows[0]?.digest;
    });
  const before = await hosts.session(host);
  before.send(observed("first"));
  await expect.poll(stored).toBe("first");
  const waiting = (tx: UnitOfWork): Promise<number> =>
    sql`SELECT 1 FROM pg_locks WHERE NOT granted`.execute(tx.queries).then((answer) => answer.rows.length);
  const after = await app.platform.database.asSystem(async (tx) => {
    await sql`SELECT 1 FROM host_observed WHERE host_id = ${host.hostId} FOR UPDATE`.execute(tx.queries);
    before.send(observed("second"));
    await expect.poll(() => waiting(tx)).toBe(1);
    before.send(observed("third"));
    // Until it has been read: the next frame of the session is answered after it.
    before.send(heartbeat);
    await before.next("heartbeatReply");
    const session = await hosts.session(host);
    // In line behind the one that waits for the database.
    session.send(observed("newest"));
    session.send(heartbeat);
    await session.next("heartbeatReply");
    return session;
  });
  // Long enough for everything that still waits.
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await stored()).toBe("newest");
  after.close();
});
