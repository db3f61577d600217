import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RenewRequest } from "@windflow/proto/agent";
import { createAgent, createIssuing, createRoot } from "../hosts/certificates/authority.ts";
import { keyOfRequest } from "../hosts/certificates/request.ts";
import { systemClock, type Clock } from "../platform/index.ts";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { dial, newHostKey, openTestSession, type TestIdentity } from "../testing/test-agent.ts";

const DAY_MS = 86_400_000;
let shiftMs = 0;
const shiftedClock: Clock = { ...systemClock, now: () => new Date(Date.now() + shiftMs) };

let app: TestApp;
let hosts: TestHosts;
beforeAll(async () => {
  app = await startTestApp({ clock: shiftedClock });
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

/** A certificate for the host's own key and id, from an authority that is not ours. */
async function foreignIdentity(host: TestIdentity): Promise<TestIdentity> {
  const now = new Date();
  const issuing = await createIssuing(await createRoot(now), now);
  const own = await newHostKey();
  const leaf = await createAgent(
    issuing,
    { organizationId: app.organizationId, hostId: host.hostId, spki: (await keyOfRequest(own.request)).spki },
    now,
  );
  return { ...own, hostId: host.hostId, certificateChain: `${leaf}\n${issuing.certificatePem}` };
}

/** Renews over a connection of our own making, which may resume an earlier TLS session. Resolves with the status. */
function renewRaw(http: ClientHttp2Session, request: Uint8Array): Promise<{ status: string; message: string }> {
  const message = RenewRequest.encode({ certificateRequest: request }).finish();
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return new Promise((resolve, reject) => {
    const stream = http.request({
      ":method": "POST",
      ":path": "/windflow.agent.v1.AgentService/Renew",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const text = (value: unknown): string => (typeof value === "string" ? value : "");
    let told: { status: string; message: string } | undefined;
    const read = (headers: Record<string, unknown>): void => {
      if (headers["grpc-status"] === undefined) return;
      told = {
        status: text(headers["grpc-status"]),
        message: decodeURIComponent(text(headers["grpc-message"])),
      };
    };
    stream.on("response", read);
    stream.on("trailers", read);
    stream.on("error", reject);
    stream.on("close", () => (told === undefined ? reject(new Error("no status came")) : resolve(told)));
    stream.resume();
    stream.end(frame);
  });
}

function secureSocket(host: TestIdentity, session?: Buffer): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: "127.0.0.1",
      port: app.port,
      ca: app.ca,
      key: host.privateKeyPem,
      cert: host.certificateChain,
      ALPNProtocols: ["h2"],
      ...(session === undefined ? {} : { session }),
    });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}

describe("who a host is", () => {
  it("is not what a certificate of a foreign authority says, nor one without a certificate", async () => {
    const host = await hosts.newHost("victim");
    const foreign = await foreignIdentity(host);
    await expect(openTestSession(app, foreign)).rejects.toThrow("WF_HOST_CERTIFICATE_INVALID");
    const client = dial(app);
    const answer = new Promise((_resolve, reject) => {
      const call = client.connect();
      call.on("error", reject);
      call.on("data", () => undefined);
    });
    await expect(answer).rejects.toThrow("WF_HOST_CERTIFICATE_INVALID");
    client.close();
  });

  it("must also sign the hello, with the key of the certificate", async () => {
    const host = await hosts.newHost("signing");
    await expect(hosts.session(host, { nonceSignature: new Uint8Array(64) })).rejects.toThrow("WF_HELLO_SIGNATURE");
    await expect(hosts.session({ ...host, hostId: "hst_other" })).rejects.toThrow("WF_HELLO_SIGNATURE");
    await expect(hosts.session(host, { protocolVersion: 0 })).rejects.toThrow(/WF_PROTOCOL_TOO_OLD: .*install line/);
    await expect(hosts.session(host, { protocolVersion: 99 })).rejects.toThrow("WF_PROTOCOL_TOO_NEW");
  });

  it("is gone at once when it is revoked: the open session, and every new one", async () => {
    const host = await hosts.newHost("revoked");
    const session = await hosts.session(host);
    const revoked = await hosts.act(host.hostId, "revoke", { reason: "stolen" });
    expect(revoked).toMatchObject({ presence: "PRESENCE_REVOKED" });
    expect(revoked.presenceCause).toContain("stolen");
    expect(await session.next("goodbye")).toMatchObject({ code: "WF_HOST_REVOKED", doNotReturn: true });
    await session.ended();
    await expect(hosts.session(host)).rejects.toThrow("WF_HOST_REVOKED");
    expect(await hosts.get(host.hostId)).toMatchObject({ presence: "PRESENCE_REVOKED" });
  });

  it("is asked again on a resumed TLS session", async () => {
    const host = await hosts.newHost("resuming");
    const first = await secureSocket(host);
    const ticket = new Promise<Buffer>((resolve) => first.once("session", resolve));
    const http = connectHttp2(app.url, { createConnection: () => first });
    expect(await renewRaw(http, host.request)).toMatchObject({ status: "0" });
    const session = await ticket;
    http.destroy();

    const again = await secureSocket(host, session);
    expect(again.isSessionReused()).toBe(true);
    const resumed = connectHttp2(app.url, { createConnection: () => again });
    expect(await renewRaw(resumed, host.request)).toMatchObject({ status: "0" });
    await hosts.act(host.hostId, "revoke");
    // On the connection that was open before the revocation too.
    const refused = await renewRaw(resumed, host.request);
    expect(refused.message).toContain("WF_HOST_REVOKED");
    resumed.destroy();
  });

  it("may renew an expired certificate, and nothing else with it", async () => {
    shiftMs = -40 * DAY_MS;
    const host = await hosts.newHost("asleep");
    shiftMs = 0;
    await expect(hosts.session(host)).rejects.toThrow("WF_HOST_CERTIFICATE_EXPIRED");
    const client = dial(app, host);
    const certificateChain = await new Promise<string>((resolve, reject) => {
      client.renew({ certificateRequest: host.request }, (error, response) =>
        error === null ? resolve(response.certificateChain) : reject(error),
      );
    });
    client.close();
    const session = await hosts.session({ ...host, certificateChain });
    session.close();
  });

  it("is forgotten with the host: a deleted host's key lets nobody in", async () => {
    const host = await hosts.newHost("deleted");
    const path = `/v1/organizations/${app.organizationId}/hosts/${host.hostId}`;
    expect(await app.rest.call("DELETE", path)).toMatchObject({ status: 200 });
    await expect(hosts.session(host)).rejects.toThrow("WF_HOST_KEY_UNKNOWN");
  });

  it("is quarantined when two machines use one key, until a person has decided", async () => {
    const host = await hosts.newHost("cloned");
    const original = await hosts.session(host, { bootId: "boot-original" });
    const restarted = await hosts.session(host, { bootId: "boot-original" });
    const copy = await hosts.session(host, { bootId: "boot-copy" });
    expect(await original.next("goodbye")).toMatchObject({ code: "WF_SESSION_SUPERSEDED" });
    expect(await restarted.next("goodbye")).toMatchObject({ code: "WF_SESSION_SUPERSEDED" });
    expect(await hosts.get(host.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
    // The original comes back, as a machine that had only been rebooted never would.
    await expect(hosts.session(host, { bootId: "boot-original" })).rejects.toThrow("WF_HOST_QUARANTINED");
    expect(await copy.next("goodbye")).toMatchObject({ code: "WF_HOST_QUARANTINED", doNotReturn: false });
    const quarantined = await hosts.get(host.hostId);
    expect(quarantined).toMatchObject({ presence: "PRESENCE_QUARANTINED" });
    expect(quarantined.presenceCause).toContain("two machines");
    await expect(hosts.session(host, { bootId: "boot-copy" })).rejects.toThrow("WF_HOST_QUARANTINED");

    expect(await hosts.act(host.hostId, "approve")).toMatchObject({ presence: "PRESENCE_OFFLINE" });
    const session = await hosts.session(host, { bootId: "boot-original" });
    expect(await hosts.get(host.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
    session.close();
  });

  it("is not doubted when it reboots again and again", async () => {
    const host = await hosts.newHost("rebooting");
    for (const bootId of ["boot-1", "boot-2", "boot-3", "boot-3", "boot-4"]) {
      const session = await hosts.session(host, { bootId });
      session.close();
    }
    expect(await hosts.get(host.hostId)).toMatchObject({ presence: "PRESENCE_ONLINE" });
  });
});
