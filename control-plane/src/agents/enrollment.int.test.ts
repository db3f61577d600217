import type { Host } from "@windflow/proto/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { enroll, newHostKey, openTestSession } from "../testing/test-agent.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.stop();
});

const path = (rest: string): string => `/v1/organizations/${app.organizationId}/${rest}`;

async function newToken(body: Record<string, unknown> = {}): Promise<{ id: string; secret: string }> {
  const response = await app.rest.call("POST", path("enrollmentTokens"), body);
  expect(response).toMatchObject({ status: 200 });
  const { token, secret } = response.json as { token: { id: string }; secret: string };
  return { id: token.id, secret };
}
async function getHost(hostId: string): Promise<Host> {
  const response = await app.rest.call("GET", path(`hosts/${hostId}`));
  expect(response).toMatchObject({ status: 200 });
  return response.json as Host;
}

describe("from a token to a host that is online", () => {
  it("enrols, connects, and shows the host as online", async () => {
    const { secret } = await newToken({ labels: { site: "paris" } });
    const key = await newHostKey();
    const enrolled = await enroll(app, secret, key, "edge-1");
    expect(enrolled).toMatchObject({ hostName: "edge-1", awaitingApproval: false, organizationId: app.organizationId });
    expect(await getHost(enrolled.hostId)).toMatchObject({
      name: "edge-1",
      presence: "PRESENCE_NEVER_SEEN",
      labels: { site: "paris" },
    });

    const session = await openTestSession(app, { ...key, ...enrolled });
    expect(session.welcome).toMatchObject({ epoch: 1n, wantsObserved: true, awaitingApproval: false, spoolAcked: 0n });
    expect(await getHost(enrolled.hostId)).toMatchObject({
      presence: "PRESENCE_ONLINE",
      agentVersion: "0.1.0",
      capabilities: ["docker"],
    });
    session.send({ $case: "heartbeat", value: { agentTime: new Date(), engineOk: true, engineProblem: "" } });
    await session.next("heartbeatReply");
    session.close();
  });
});
