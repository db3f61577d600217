import { X509Certificate } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { dial, enroll, newHostKey } from "../testing/test-agent.ts";

let app: TestApp;
let hosts: TestHosts;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

const path = (rest: string): string => `/v1/organizations/${app.organizationId}/${rest}`;

describe("from a token to a host that is online", () => {
  it("enrols, connects, and shows the host as online", async () => {
    const { secret } = await hosts.newToken({ labels: { site: "paris" } });
    const key = await newHostKey();
    const enrolled = await enroll(app, secret, key, "edge-1");
    expect(enrolled).toMatchObject({ hostName: "edge-1", awaitingApproval: false, organizationId: app.organizationId });
    const before = await hosts.get(enrolled.hostId);
    expect(before).toMatchObject({ name: "edge-1", presence: "PRESENCE_NEVER_SEEN", labels: { site: "paris" } });

    const session = await hosts.session({ ...key, ...enrolled });
    expect(session.welcome).toMatchObject({ epoch: 1n, wantsObserved: true, awaitingApproval: false, spoolAcked: 0n });
    const online = await hosts.get(enrolled.hostId);
    expect(online).toMatchObject({ presence: "PRESENCE_ONLINE", agentVersion: "0.1.0", capabilities: ["docker"] });
    session.send({ $case: "heartbeat", value: { agentTime: new Date(), engineOk: true, engineProblem: "" } });
    await session.next("heartbeatReply");
    session.close();
  });

  it("gives a certificate whose content the control plane decides", async () => {
    const host = await hosts.newHost("edge-2");
    const [leaf, issuing] = host.certificateChain.match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g) ?? [];
    const certificate = new X509Certificate(leaf ?? "");
    expect(certificate.subject).toBe(`CN=${host.hostId}`);
    expect(certificate.subjectAltName).toBe(`URI:windflow://${app.organizationId}/host/${host.hostId}`);
    expect(certificate.verify(new X509Certificate(issuing ?? "").publicKey)).toBe(true);
  });

  it("names hosts of one hostname apart", async () => {
    const names = await Promise.all(["twin", "twin", "twin"].map(async (name) => (await hosts.newHost(name)).hostId));
    const shown = await Promise.all(names.map(async (hostId) => (await hosts.get(hostId)).name));
    expect(shown.toSorted()).toEqual(["twin", "twin-2", "twin-3"]);
  });
});

describe("enrolment", () => {
  it("is repeated without a second use: the same host, a fresh certificate", async () => {
    const { id, secret } = await hosts.newToken();
    const key = await newHostKey();
    const [first, second] = await Promise.all([enroll(app, secret, key, "again"), enroll(app, secret, key, "again")]);
    expect(second.hostId).toBe(first.hostId);
    const { json } = await app.rest.call("GET", path("enrollmentTokens"));
    const token = (json as { tokens: { id: string; uses: number }[] }).tokens.find((one) => one.id === id);
    expect(token).toMatchObject({ uses: 1, maxUses: 1 });
  });

  it("counts uses of a token that is shared by exactly as many hosts as it may let in", async () => {
    const { secret } = await hosts.newToken({ maxUses: 3, skipApproval: true });
    const tries = Array.from({ length: 6 }, async () => enroll(app, secret, await newHostKey(), "crowd"));
    const results = await Promise.allSettled(tries);
    expect(results.filter((one) => one.status === "fulfilled")).toHaveLength(3);
    const reasons = results.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
    expect(reasons.every((reason) => reason.includes("WF_ENROLLMENT_TOKEN_USED_UP"))).toBe(true);
  });

  it("refuses each wrong token with its own code", async () => {
    const used = await hosts.newToken();
    await enroll(app, used.secret, await newHostKey(), "one");
    const revoked = await hosts.newToken();
    await app.rest.call("POST", path(`enrollmentTokens/${revoked.id}:revoke`), {});
    const expired = await hosts.newToken();
    await app.platform.database.asSystem(async (tx) => {
      await sql`UPDATE enrollment_tokens SET expires_at = now() - interval '1 s' WHERE id = ${expired.id}`.execute(
        tx.queries,
      );
    });
    const cases = [
      ["nonsense", "WF_ENROLLMENT_TOKEN_UNKNOWN"],
      [`wfj_${"A".repeat(32)}`, "WF_ENROLLMENT_TOKEN_UNKNOWN"],
      [used.secret, "WF_ENROLLMENT_TOKEN_USED_UP"],
      [revoked.secret, "WF_ENROLLMENT_TOKEN_REVOKED"],
      [expired.secret, "WF_ENROLLMENT_TOKEN_EXPIRED"],
    ] as const;
    for (const [token, code] of cases) await expect(enroll(app, token, await newHostKey())).rejects.toThrow(code);
  });

  it("refuses a key that another token has let in", async () => {
    const key = await newHostKey();
    await enroll(app, (await hosts.newToken()).secret, key, "mine");
    const again = enroll(app, (await hosts.newToken()).secret, key, "mine");
    await expect(again).rejects.toThrow("WF_HOST_KEY_ENROLLED");
  });

  it("refuses a certificate request that is none, after the token", async () => {
    const { secret } = await hosts.newToken();
    const broken = { ...(await newHostKey()), request: new Uint8Array([48, 3, 2, 1, 0]) };
    await expect(enroll(app, secret, broken)).rejects.toThrow("WF_CERTIFICATE_REQUEST_INVALID");
    await expect(enroll(app, "nonsense", broken)).rejects.toThrow("WF_ENROLLMENT_TOKEN_UNKNOWN");
  });

  it("keeps only the hash of a token", async () => {
    const { secret } = await hosts.newToken();
    const found = await app.platform.database.asSystem((tx) =>
      sql`SELECT 1 FROM enrollment_tokens t WHERE t::text LIKE ${`%${secret.slice(10)}%`}`.execute(tx.queries),
    );
    expect(found.rows).toEqual([]);
  });
});

describe("renewal", () => {
  const renew = async (identity: { privateKeyPem: string; certificateChain: string }, request: Uint8Array) => {
    const client = dial(app, identity);
    try {
      return await new Promise<string>((resolve, reject) => {
        client.renew({ certificateRequest: request }, (error, response) =>
          error === null ? resolve(response.certificateChain) : reject(error),
        );
      });
    } finally {
      client.close();
    }
  };

  it("gives a new certificate for the same key, and none for another or for a revoked host", async () => {
    const host = await hosts.newHost("renewing");
    const certificateChain = await renew(host, host.request);
    expect(certificateChain).not.toBe(host.certificateChain);
    const session = await hosts.session({ ...host, certificateChain });
    session.close();
    await expect(renew(host, (await newHostKey()).request)).rejects.toThrow("WF_HOST_KEY_CHANGED");
    await hosts.act(host.hostId, "revoke");
    await expect(renew(host, host.request)).rejects.toThrow("WF_HOST_REVOKED");
  });
});

it("slows down an address that keeps guessing, and lets a good token through again after the wait", async () => {
  const own = await startTestApp();
  try {
    const key = await newHostKey();
    for (let count = 0; count < 20; count++) await expect(enroll(own, "guess", key)).rejects.toThrow("TOKEN_UNKNOWN");
    await expect(enroll(own, "guess", key)).rejects.toThrow("WF_ENROLLMENT_RATE_LIMITED");
  } finally {
    await own.stop();
  }
});
