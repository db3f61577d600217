import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { connectWith, enrolWith, halfOpen, handshake, largePost, plainHttp, type Target } from "./hostile/clients.ts";
import { foreignIdentity } from "./hostile/foreign-identity.ts";
import { type Installation, type InstalledHost, createInstallation } from "./installation/installation.ts";

const HALF_OPEN = 10_000;
// A client that says nothing is given five seconds to begin its handshake; then the connection is closed.
const CLOSED_TIMEOUT_MS = 30_000;
// The shortest life of a join token, and a little more.
const TOKEN_SECONDS = 60;
const LARGE_BYTES = 100 * 1024 * 1024;
const ONLINE_TIMEOUT_MS = 20_000;
// The line is written by then, but it has to come through a pipe.
const LOG_TIMEOUT_MS = 5_000;

describe("hostile clients of the one port", () => {
  let installation: Installation;
  let host: InstalledHost;
  let target: Target;
  let expiring: { secret: string; madeAt: number };

  beforeAll(async () => {
    installation = await createInstallation(1);
    const [only] = installation.hosts;
    if (only === undefined) throw new Error("the installation has no host");
    host = only;
    const { roots, port } = installation.controlPlane;
    target = { host: installation.fleet.serverAddress, port, roots };
    const { organization, api } = installation;
    const { secret = "" } = await api.enrollmentTokens.createEnrollmentToken({
      organization,
      expiresInSeconds: TOKEN_SECONDS,
    });
    expiring = { secret, madeAt: Date.now() };
    const list = (): ReturnType<typeof api.hosts.listHosts> => api.hosts.listHosts({ organization });
    await eventually("the host is online", ONLINE_TIMEOUT_MS, list, ({ counts }) => counts?.online === 1);
  });
  afterAll(() => installation?.remove());

  // Whatever was tried, what belongs here works on.
  afterEach(async ({ task }) => {
    const { organization, api } = installation;
    const { counts } = await api.hosts.listHosts({ organization });
    const gone = /revoked host|expired/.test(task.name);
    if (counts?.online !== (gone ? 0 : 1)) throw new Error(`After this the hosts are ${JSON.stringify(counts)}`);
  });

  const logged = (pattern: RegExp): Promise<string> =>
    eventually(
      `the log says ${String(pattern)}`,
      LOG_TIMEOUT_MS,
      async () => installation.controlPlane.program.output(),
      (log) => pattern.test(log),
    );

  it("refuses a wrong join token with a sentence, and logs it", async () => {
    const end = await enrolWith(target, "wfj_0000000000000000000000000000000000000000000");
    expect(end.code).toMatch(/UNAUTHENTICATED|PERMISSION_DENIED/);
    expect(end.details).toMatch(/token/i);
    await logged(/WF_ENROLLMENT_TOKEN_UNKNOWN/);
  });

  it("refuses a revoked join token", async () => {
    const { organization, api } = installation;
    const { token, secret = "" } = await api.enrollmentTokens.createEnrollmentToken({ organization });
    await api.enrollmentTokens.revokeEnrollmentToken({ organization, tokenId: token?.id ?? "" });
    const end = await enrolWith(target, secret);
    expect(end.code).toMatch(/UNAUTHENTICATED|PERMISSION_DENIED|FAILED_PRECONDITION/);
    expect(end.details).toMatch(/token/i);
  });

  it("refuses a session with a certificate of a foreign authority", async () => {
    const { key, chain } = await foreignIdentity();
    const end = await connectWith(target, key, chain);
    expect(end.code).toMatch(/UNAUTHENTICATED|PERMISSION_DENIED|UNAVAILABLE/);
    expect(end.code).not.toBe("OK");
    await logged(/WF_HOST_CERTIFICATE_INVALID/);
  });

  it("refuses a session without a certificate", async () => {
    const end = await connectWith(target);
    expect(end.code).toMatch(/UNAUTHENTICATED|PERMISSION_DENIED/);
  });

  it("answers plain HTTP with a sentence or closes, and logs it", async () => {
    expect(await plainHttp(target)).toMatch(/^(400|426|308|301) |ECONNRESET|HPE_/);
    await logged(/plain HTTP on a port that speaks https/);
  });

  it.each(["TLSv1", "TLSv1.1"] as const)("refuses %s", async (version) => {
    // OpenSSL's default level forbids these versions on the client's side too.
    const options = { minVersion: version, maxVersion: version, ciphers: "DEFAULT:@SECLEVEL=0" } as const;
    expect(await handshake(target, options)).toMatch(/ERR_SSL|ECONNRESET|EPROTO/);
    await logged(/TLS handshake: /);
  });

  it("refuses a frame of 100 MB on the agent's door", async () => {
    const end = await enrolWith(target, "x", LARGE_BYTES);
    expect(end.code).toMatch(/RESOURCE_EXHAUSTED|UNAVAILABLE|INTERNAL|CANCELLED/);
    await logged(/WF_MESSAGE_TOO_LARGE.*AgentService|AgentService.*WF_MESSAGE_TOO_LARGE/);
  });

  it("refuses a body of 100 MB on the REST door", async () => {
    const { organization, controlPlane } = installation;
    const path = `/v1/organizations/${organization}/enrollmentTokens`;
    expect(await largePost(target, path, controlPlane.credential.token, LARGE_BYTES)).toMatch(/^413 |ECONNRESET|EPIPE/);
    // A line of its own, or counted when the refusal before was in the same second.
    await logged(/enrollmentTokens.*WF_MESSAGE_TOO_LARGE|WF_MESSAGE_TOO_LARGE","count":\d/);
  });

  it(`serves on while ${HALF_OPEN} connections say nothing, and closes them`, async () => {
    const before = residentMegabytes();
    const sockets = await halfOpen(target, HALF_OPEN);
    const { organization, api } = installation;
    const started = performance.now();
    await api.hosts.listHosts({ organization });
    expect(performance.now() - started).toBeLessThan(CLOSED_TIMEOUT_MS);
    await eventually(
      "all of them are closed by the server",
      CLOSED_TIMEOUT_MS,
      () => Promise.resolve(sockets.filter((socket) => !socket.closed).length),
      (open) => open === 0,
    );
    for (const socket of sockets) socket.destroy();
    expect(residentMegabytes() - before).toBeLessThan(500);
    await logged(/nothing was said within 5 seconds/);
  });

  it("ends the session of a revoked host at once and does not let it back", async () => {
    const { organization, api } = installation;
    await api.hosts.revokeHost({ organization, hostId: host.hostId });
    const read = (): ReturnType<typeof api.hosts.getHost> => api.hosts.getHost({ organization, hostId: host.hostId });
    const revoked = await eventually(
      "it is revoked",
      ONLINE_TIMEOUT_MS,
      read,
      ({ presence }) => presence === "PRESENCE_REVOKED",
    );
    expect(revoked.presence).toBe("PRESENCE_REVOKED");
    const identity = JSON.parse(readFileSync(join(host.host.machine.folder, "agent/identity.json"), "utf8")) as {
      certificateChain: string;
    };
    const key = readFileSync(join(host.host.machine.folder, "agent/host-key.pem"), "utf8");
    const end = await connectWith(target, key, identity.certificateChain);
    expect(end.code).toMatch(/UNAUTHENTICATED|PERMISSION_DENIED/);
    expect(end.details).toMatch(/revoked/i);
    await logged(/WF_HOST_REVOKED/);
  });

  it("refuses an expired join token", async () => {
    await sleep(Math.max(0, expiring.madeAt + (TOKEN_SECONDS + 2) * 1000 - Date.now()));
    const end = await enrolWith(target, expiring.secret);
    expect(end.code).toMatch(/UNAUTHENTICATED|PERMISSION_DENIED|FAILED_PRECONDITION/);
    expect(end.details).toMatch(/expired|token/i);
    await logged(/WF_ENROLLMENT_TOKEN_(EXPIRED|SPENT|REVOKED)/);
  });

  function residentMegabytes(): number {
    const status = readFileSync(`/proc/${installation.controlPlane.program.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }
});
