import type { AgentUpdate, Event } from "@windflow/proto/api";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog } from "../platform/index.ts";
import { testHosts } from "../testing/hosts.ts";
import { startTestApp, startTestDatabase, type TestApp, type TestDatabase } from "../testing/index.ts";
import { openTestSession, type TestIdentity, type TestSession } from "../testing/test-agent.ts";
import { becomeRelease, oldBuild } from "./testing/agent.ts";
import { testReleaseKey, writeRelease } from "./testing/release.ts";

const PATIENCE_MS = 60_000;
let folder: string;
let release: string;
let database: TestDatabase;
let first: TestApp | undefined;
let second: TestApp;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "windflow-releases-"));
  release = await writeRelease(join(folder, "0.2.0"), "0.2.0", "commit-of-0.2.0");
  database = await startTestDatabase(createLog({ level: "silent" }));
  const stateDirectory = join(folder, "state");
  await mkdir(stateDirectory);
  const parts = {
    installFolders: [folder],
    releaseKeys: [testReleaseKey],
    replicaAddress: (port: number) => `127.0.0.1:${port}`,
  };
  first = await startTestApp({ database, stateDirectory, parts });
  second = await startTestApp({ database, stateDirectory, parts });
});
afterAll(async () => {
  await first?.stop();
  await second?.stop();
  await database?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function call<Answer>(app: TestApp, method: string, rest: string, body?: unknown): Promise<Answer> {
  const answer = await app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
  if (answer.status !== 200) throw new Error(`${method} ${rest}: ${answer.status} ${answer.text}`);
  return answer.json as Answer;
}

test("two control planes drive one update: each host is told once, one control plane ends, and the other goes on", async () => {
  const [one, two] = [first!, second];
  const hosts = testHosts(one);
  const told: string[] = [];
  const dialed: TestSession[] = [];
  const dial = async (app: TestApp, identity: TestIdentity): Promise<TestSession> => {
    const session = await openTestSession(app, identity, { build: oldBuild });
    session.call.on("data", ({ kind }) => {
      if (kind?.$case === "desiredAgent" && kind.value.updateId !== "") told.push(identity.hostId);
    });
    dialed.push(session);
    return session;
  };
  const identities = [];
  for (let i = 0; i < 4; i++) identities.push(await hosts.newHost(`replica-${i}`, { labels: { fleet: "replicas" } }));
  const [a, b, c, d] = identities as [TestIdentity, TestIdentity, TestIdentity, TestIdentity];
  const sessionOfA = await dial(one, a);
  const [sessionOfB, , sessionOfD] = [await dial(two, b), await dial(one, c), await dial(two, d)];

  const waves = [
    { name: "first", hosts: 1 },
    { name: "rest", percent: 100 },
  ];
  const strategy = { waves, maxParallel: 0 };
  const { id } = await call<AgentUpdate>(one, "POST", "agentUpdates", {
    releaseId: release,
    filter: "fleet=replicas",
    strategy,
  });
  const newOfA = await becomeRelease(one, a, sessionOfA, PATIENCE_MS);
  // The second wave begins on both at once; the one that was asked for all this goes in the middle of it.
  const newOfB = await becomeRelease(two, b, sessionOfB, PATIENCE_MS);
  await one.stop();
  first = undefined;
  newOfA.close();
  const backOfC = await dial(two, c);
  const newOfC = await becomeRelease(two, c, backOfC, PATIENCE_MS);
  const newOfD = await becomeRelease(two, d, sessionOfD, PATIENCE_MS);
  await expect
    .poll(() => call<AgentUpdate>(two, "GET", `agentUpdates/${id}`), { timeout: PATIENCE_MS })
    .toMatchObject({ state: "STATE_SUCCEEDED", hostsSucceeded: 4 });

  // A session that begins anew is told again: nothing else is.
  const times = (identity: TestIdentity): number => told.filter((hostId) => hostId === identity.hostId).length;
  expect([a, b, d].map(times)).toEqual([1, 1, 1]);
  expect([1, 2]).toContain(times(c));
  const { events } = await call<{ events: Event[] }>(two, "GET", "events?page.size=200");
  const recorded = (type: string): number => events.filter((event) => event.type === type).length;
  expect([recorded("agent.update"), recorded("agent.updated"), recorded("update.succeeded")]).toEqual([4, 4, 1]);
  for (const session of [...dialed, newOfB, newOfC, newOfD]) session.close();
});
