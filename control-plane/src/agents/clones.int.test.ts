import type { Host, HostMachine } from "@windflow/proto/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { dial, enroll, hostReport, newHostKey, NOTHING_MORE, type TestIdentity } from "../testing/test-agent.ts";
import { createPrivateKey, randomUUID } from "node:crypto";
import { signHello } from "@windflow/core";
import type { ControlFrame } from "@windflow/proto/agent";

let app: TestApp;
let hosts: TestHosts;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

async function call<Answer>(method: string, rest: string, body?: unknown): Promise<Answer> {
  const answer = await app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
  if (answer.status !== 200) throw new Error(`${method} ${rest}: ${answer.status} ${answer.text}`);
  return answer.json as Answer;
}
const machinesOf = async (hostId: string): Promise<HostMachine[]> =>
  (await call<{ machines: HostMachine[] }>("GET", `hosts/${hostId}/machines`)).machines;
const bootsOf = async (hostId: string): Promise<string[]> =>
  (await machinesOf(hostId)).map((machine) => `${machine.bootId} ${machine.decided}`.trim()).toSorted();
const resolve = (hostId: string, bootId: string): Promise<Host> =>
  call("POST", `hosts/${hostId}:resolveClones`, { bootId });

/** Greets as a clone does, and gives the frame that it is answered with. */
async function answerTo(identity: TestIdentity, bootId: string): Promise<ControlFrame["kind"]> {
  const client = dial(app, identity);
  const call = client.connect();
  call.on("error", () => undefined);
  try {
    for await (const frame of call as AsyncIterable<ControlFrame>) {
      if (frame.kind?.$case !== "challenge") return frame.kind;
      const key = createPrivateKey(identity.privateKeyPem);
      const ids = {
        bootId,
        instanceId: randomUUID(),
        observedDigest: "",
        spoolId: "spool-1",
        sealingKey: new Uint8Array(),
      };
      const versions = { agentVersion: "0.1.0", protocolVersion: 1, agentTime: new Date(), generation: undefined };
      const nonceSignature = signHello(key, frame.kind.value.nonce, identity.hostId);
      const value = { ...ids, ...versions, ...NOTHING_MORE, host: hostReport("edge"), nonceSignature };
      call.write({ id: 1n, ack: 0n, kind: { $case: "hello", value } });
    }
    throw new Error("the session ended without a word");
  } finally {
    call.cancel();
    client.close();
  }
}

test("two machines: both are shown, one is said to be the host, the other enrols by the token that it is answered with", async () => {
  const host = await hosts.newHost("web", { labels: { site: "paris" }, maxUses: 5 });
  await hosts.act(host.hostId, "approve");
  await hosts.session(host, { bootId: "boot-original", host: hostReport("web") });
  expect(await bootsOf(host.hostId)).toEqual(["boot-original"]);
  await expect(resolve(host.hostId, "boot-original")).rejects.toThrow("WF_HOST_NOT_QUARANTINED");
  await hosts.session(host, { bootId: "boot-copy", host: hostReport("web-copy") });
  await expect(hosts.session(host, { bootId: "boot-original" })).rejects.toThrow("WF_HOST_QUARANTINED");
  await expect(hosts.session(host, { bootId: "boot-copy" })).rejects.toThrow("WF_HOST_QUARANTINED");
  const machines = await machinesOf(host.hostId);
  expect(machines.map(({ bootId, hostname, remoteAddress }) => ({ bootId, hostname, remoteAddress }))).toEqual([
    { bootId: "boot-copy", hostname: "edge", remoteAddress: "127.0.0.1" },
    { bootId: "boot-original", hostname: "edge", remoteAddress: "127.0.0.1" },
  ]);
  await expect(resolve(host.hostId, "boot-unknown")).rejects.toThrow("WF_NOT_FOUND");
  expect(await resolve(host.hostId, "boot-original")).toMatchObject({ presence: "PRESENCE_OFFLINE" });
  const original = await hosts.session(host, { bootId: "boot-original" });

  const answer = await answerTo(host, "boot-copy");
  // The one that is said to be the host is left in peace.
  expect(await hosts.get(host.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
  const again = await answerTo(host, "boot-copy");
  if (answer?.$case !== "reenroll" || again?.$case !== "reenroll") throw new Error(`it was answered ${answer?.$case}`);
  const key = await newHostKey();
  // Only the last one counts.
  await expect(enroll(app, answer.value.token, key, "web")).rejects.toThrow("WF_ENROLLMENT_TOKEN_REVOKED");
  const { hostId, awaitingApproval, certificateChain } = await enroll(app, again.value.token, key, "web");
  expect(hostId).not.toBe(host.hostId);
  // The host that it was taken for had waited as well.
  expect(awaitingApproval).toBe(true);
  expect(await hosts.get(hostId)).toMatchObject({ labels: { site: "paris" }, environmentId: app.environmentId });
  await expect(enroll(app, again.value.token, await newHostKey(), "web")).rejects.toThrow(
    "WF_ENROLLMENT_TOKEN_USED_UP",
  );
  expect(await bootsOf(host.hostId)).toEqual(["boot-copy enrolled", "boot-original host"]);
  expect((await machinesOf(host.hostId)).find((machine) => machine.decided === "enrolled")?.becameHostId).toBe(hostId);
  await hosts.act(hostId, "approve");
  const own = await hosts.session({ ...key, certificateChain, hostId }, { bootId: "boot-copy" });
  expect(await hosts.get(hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
  // The host's own machine may be started anew as ever; a clone that lost what it had enrolled with is asked again.
  original.close();
  const rebooted = await hosts.session(host, { bootId: "boot-original-2" });
  for (let i = 0; i < 3; i++) expect(await answerTo(host, "boot-copy")).toMatchObject({ $case: "reenroll" });
  const { tokens } = await call<{ tokens: { name: string }[] }>("GET", "enrollmentTokens");
  // The one that was used, the last, and the one before it: a clone that calls for ever fills nothing.
  expect(tokens.filter(({ name }) => name.startsWith("Clone of "))).toHaveLength(3);
  for (const session of [own, rebooted]) session.close();
});

test("three machines that take turns are found; a disk that was put back, or starts anew, is not", async () => {
  const host = await hosts.newHost("many");
  for (const bootId of ["boot-a", "boot-b", "boot-c"]) (await hosts.session(host, { bootId })).close();
  await expect(hosts.session(host, { bootId: "boot-a" })).rejects.toThrow("WF_HOST_QUARANTINED");
  expect(await bootsOf(host.hostId)).toEqual(["boot-a", "boot-b", "boot-c"]);
  await resolve(host.hostId, "boot-c");
  expect(await answerTo(host, "boot-a")).toMatchObject({ $case: "reenroll" });
  expect(await answerTo(host, "boot-b")).toMatchObject({ $case: "reenroll" });
  (await hosts.session(host, { bootId: "boot-c" })).close();

  // An older disk on the same machine: it starts anew, so its boot id is one that nobody has seen.
  const restored = await hosts.newHost("restored");
  for (let i = 0; i < 25; i++) {
    const session = await hosts.session(restored, { bootId: `boot-${i}`, generation: { term: 1n, n: BigInt(25 - i) } });
    session.close();
  }
  expect(await hosts.get(restored.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
  expect(await bootsOf(restored.hostId)).toEqual(["boot-24"]);
  const rows = await app.platform.database.asSystem(async (tx) => {
    const { sql } = await import("kysely");
    return (await sql`SELECT 1 FROM host_machines WHERE host_id = ${restored.hostId}`.execute(tx.queries)).rows.length;
  });
  expect(rows).toBe(20);
});
