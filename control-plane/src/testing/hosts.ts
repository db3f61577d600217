import type { Host } from "@windflow/proto/api";
import type { TestApp } from "./app.ts";
import { enroll, newHostKey, openTestSession, type TestIdentity, type TestSession } from "./test-agent.ts";

/** What tests of hosts do again and again, through the public doors. */
export interface TestHosts {
  newToken(body?: Record<string, unknown>): Promise<{ id: string; secret: string }>;
  /** A token, a key and a certificate of its own. */
  newHost(hostname: string, token?: Record<string, unknown>): Promise<TestIdentity>;
  get(hostId: string): Promise<Host>;
  /** Waits until the host is as wanted; fails with what it is after `patienceMs`. */
  until(hostId: string, wanted: (host: Host) => boolean, patienceMs?: number): Promise<Host>;
  act(hostId: string, verb: "approve" | "revoke", body?: Record<string, unknown>): Promise<Host>;
  session(identity: TestIdentity, hello?: Parameters<typeof openTestSession>[2]): Promise<TestSession>;
}

// A guard: what is waited for comes in a moment, on a machine that has nothing else to do.
const PATIENCE_MS = 60_000;
const POLL_MS = 20;

export function testHosts(app: TestApp): TestHosts {
  const path = (rest: string): string => `/v1/organizations/${app.organizationId}/${rest}`;

  async function call<Answer>(method: string, rest: string, body?: unknown): Promise<Answer> {
    const response = await app.rest.call(method, path(rest), body);
    if (response.status !== 200) throw new Error(`${method} ${rest}: ${response.status} ${response.text}`);
    return response.json as Answer;
  }
  async function newToken(body: Record<string, unknown> = {}): Promise<{ id: string; secret: string }> {
    const { token, secret } = await call<{ token: { id: string }; secret: string }>("POST", "enrollmentTokens", body);
    return { id: token.id, secret };
  }
  const get = (hostId: string): Promise<Host> => call("GET", `hosts/${hostId}`);

  return {
    newToken,
    newHost: async (hostname, token) => {
      const { secret } = await newToken(token);
      const key = await newHostKey();
      const { hostId, certificateChain } = await enroll(app, secret, key, hostname);
      return { hostId, certificateChain, ...key };
    },
    get,
    until: async (hostId, wanted, patienceMs = PATIENCE_MS) => {
      const deadline = Date.now() + patienceMs;
      for (;;) {
        const host = await get(hostId);
        if (wanted(host)) return host;
        if (Date.now() > deadline) throw new Error(`the host did not become what was wanted: ${JSON.stringify(host)}`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
    act: (hostId, verb, body = {}) => call("POST", `hosts/${hostId}:${verb}`, body),
    session: (identity, hello) => openTestSession(app, identity, hello),
  };
}
