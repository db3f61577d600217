import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { sha256Hex } from "@windflow/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { enrollAgent, readConfig, startAgent } from "../index.ts";
import { createTestAuthority } from "../testing/certificate-authority.ts";
import { type ConnectProxy, startConnectProxy } from "../testing/connect-proxy.ts";
import { type TestControlPlane, startTestControlPlane } from "../testing/control-plane.ts";
import { absentEngine } from "../testing/quiet-engine.ts";
import { examine } from "./doctor.ts";
import { type Finding, formatFindings, type Hop } from "./finding.ts";

let plane: TestControlPlane;
let stateDir: string;
const stops: (() => Promise<unknown> | void)[] = [];

beforeEach(async () => {
  plane = await startTestControlPlane();
  stateDir = mkdtempSync(join(tmpdir(), "windflow-doctor-"));
  chmodSync(stateDir, 0o700);
  stops.push(
    () => rmSync(stateDir, { recursive: true, force: true }),
    () => plane.stop(),
  );
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const stop of stops.splice(0).toReversed()) await stop();
});

const input = (): { stateDir: string; dockerHost: string; name: string } => {
  return { stateDir, dockerHost: "unix:///nonexistent.sock", name: "edge-1" };
};
const enroll = (): Promise<unknown> =>
  enrollAgent(readConfig(input()), { server: plane.url, token: "token", caSha256: sha256Hex(plane.authority.root) });

async function findings(environment: NodeJS.ProcessEnv = {}): Promise<Record<Hop, Finding>> {
  const found = await examine(input(), environment);
  return Object.fromEntries(found.map((finding) => [finding.hop, finding])) as Record<Hop, Finding>;
}

function moveTo(server: string): void {
  const file = join(stateDir, "identity.json");
  const identity = JSON.parse(readFileSync(file, "utf8")) as object;
  writeFileSync(file, JSON.stringify({ ...identity, server }), { mode: 0o600 });
}

async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("the way to the control plane", () => {
  beforeEach(enroll);

  test("is walked to its end, beside an agent whose session goes on", async () => {
    const agent = startAgent(readConfig(input()), { log: () => undefined, engine: absentEngine(), random: () => 0.05 });
    stops.push(() => agent.stop());
    await vi.waitFor(() => expect(plane.sessions).toHaveLength(1), { timeout: 10_000 });
    const found = await findings();
    for (const hop of [
      "config",
      "state",
      "identity",
      "clock",
      "dns",
      "proxy",
      "tcp",
      "tls",
      "alpn",
      "certificate",
      "authorization",
    ] as const)
      expect(found[hop], hop).toMatchObject({ status: "ok", fix: "" });
    expect(plane.sessions).toHaveLength(1);
    expect(plane.sessions[0]?.isOpen).toBe(true);
    // There is no engine in this test.
    expect(found.engine).toMatchObject({ status: "failed", what: expect.stringContaining("no such socket") });
  });

  test("ends at a name that nobody knows", async () => {
    moveTo("https://no-such-host.invalid:8443");
    const found = await findings();
    expect(found.dns).toMatchObject({
      status: "failed",
      fix: expect.stringContaining("getent hosts no-such-host.invalid"),
    });
    expect(found.tcp).toMatchObject({ status: "skipped", what: "not looked at, since dns failed" });
    expect(found.authorization.status).toBe("skipped");
  });

  test("ends at a port where nobody listens", async () => {
    const url = await listening(createServer());
    await stops.pop()?.();
    moveTo(url);
    const found = await findings();
    expect(found.tcp).toMatchObject({ status: "failed", what: expect.stringContaining("ECONNREFUSED") });
    expect(found.tls.status).toBe("skipped");
  });

  test("ends at a server that speaks no TLS, and at one of another authority, which it names", async () => {
    moveTo(
      await listening(
        createServer((socket) => socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n")),
      ),
    );
    expect((await findings()).tls).toMatchObject({ status: "failed", what: expect.stringContaining("no TLS 1.3") });

    const foreign = await createTestAuthority();
    const own = await foreign.server();
    moveTo(
      await listening(
        createTlsServer({ ...own, ALPNProtocols: ["h2"] }, (socket) => socket.on("error", () => undefined)),
      ),
    );
    const { tls, alpn } = await findings();
    expect(tls).toMatchObject({ status: "failed", what: expect.stringMatching(/refused .* issued by/) });
    expect(alpn.status).toBe("skipped");
  });

  test("ends at a balancer that does not speak HTTP/2", async () => {
    const own = await plane.authority.server();
    moveTo(
      await listening(
        createTlsServer({ ...own, ALPNProtocols: ["http/1.1"] }, (socket) => socket.on("error", () => undefined)),
      ),
    );
    const { alpn } = await findings();
    expect(alpn).toMatchObject({ status: "failed", fix: expect.stringContaining("layer 4") });
  });

  test("ends at a control plane that does not want this host", async () => {
    plane.behaviour.refuse = status.PERMISSION_DENIED;
    const { authorization } = await findings();
    expect(authorization).toMatchObject({ status: "failed", why: expect.stringContaining("revoked") });
  });
});

describe("a proxy", () => {
  let proxy: ConnectProxy;
  beforeEach(async () => {
    await enroll();
    proxy = await startConnectProxy("ada:s3cret");
    stops.push(() => proxy.stop());
  });

  test("that opens a tunnel is walked through, and the session takes the same way", async () => {
    const environment = { https_proxy: proxy.url };
    const found = await findings(environment);
    expect(found.proxy).toMatchObject({ status: "ok", what: expect.stringContaining("opened a tunnel") });
    expect(JSON.stringify(found)).not.toContain("s3cret");
    const target = new URL(plane.url).host;
    expect(proxy.asked).toContain(target);

    vi.stubEnv("https_proxy", proxy.url);
    const before = proxy.asked.length;
    const agent = startAgent(readConfig(input()), { log: () => undefined, engine: absentEngine(), random: () => 0.05 });
    stops.push(() => agent.stop());
    await vi.waitFor(() => expect(plane.sessions).toHaveLength(1), { timeout: 10_000 });
    expect(proxy.asked.slice(before)).toEqual([target]);
  });

  test("that refuses is named with its answer", async () => {
    const found = await findings({ https_proxy: proxy.url.replace("s3cret", "wrong") });
    expect(found.proxy).toMatchObject({ status: "failed", what: expect.stringContaining("407") });
    expect(found.tls.status).toBe("skipped");
  });

  test("that is no address is a failure of its own", async () => {
    expect((await findings({ https_proxy: "proxy:3128" })).proxy.status).toBe("failed");
  });
});

test("a host that is not enrolled is told so, and what can be looked at is", async () => {
  const found = await findings();
  expect(found.identity).toMatchObject({ status: "failed", fix: expect.stringContaining("Add host") });
  expect(found.tcp.status).toBe("skipped");
  expect(found.disk.status).not.toBe("skipped");
});

test("a setting that is wrong is the first thing that is said", async () => {
  const found = await examine({ ...input(), dockerHost: "tcp://x:1" }, {});
  expect(found[0]).toMatchObject({ hop: "config", status: "failed", what: expect.stringContaining("tcp://x:1") });
  expect(found.slice(1).every(({ status: one }) => one === "skipped")).toBe(true);
});

test("keys that others may read are a warning with the command that helps", async () => {
  await enroll();
  chmodSync(stateDir, 0o755);
  expect((await findings()).state).toMatchObject({ status: "warning", fix: `chmod 700 ${stateDir}` });
});

test("lines for a person name the first failure", async () => {
  const text = formatFindings(await examine(input(), {}));
  expect(text).toContain("FAILED  identity");
  expect(text).toMatch(/Failed: .*Begin with the first\./);
});
