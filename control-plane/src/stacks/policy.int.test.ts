import type { Rollout, Stack } from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.stop();
});

const call = async <Answer>(method: string, rest: string, body?: unknown) => {
  const { status, json } = await app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
  return { status, json: json as Answer & { code?: string } };
};

test("a policy goes to the hosts of the stack at once, without a rollout, and only when it says something new to them", async () => {
  const hosts = testHosts(app);
  const identity = await hosts.newHost("policed");
  const session = await hosts.session(identity);
  await session.next("desiredState");
  const { json: made } = await call<Stack>("POST", "stacks", {
    name: "shop",
    placement: { hostIds: [identity.hostId] },
  });
  const source = { files: { "compose.yaml": "services: {web: {image: web:1}}" } };
  await call("POST", `stacks/${made.id}/revisions`, { source });
  await call<Rollout>("POST", "rollouts", { stackId: made.id });
  const first = await session.next("desiredState");
  expect(first.stacks).toMatchObject([{ stackId: made.id, policy: undefined, correct: "" }]);

  const { etag } = (await call<Stack>("GET", `stacks/${made.id}`)).json;
  const policy = {
    drift: "DRIFT_REPORT",
    heal: { web: { action: "ACTION_RECREATE", budget: 2 } },
    keepRevisions: 5,
    rollout: { waves: [{ hosts: 1 }], healthGate: { probes: [{ service: "db", tcp: { port: 5432 } }] } },
  };
  const { status, json: updated } = await call<Stack>("PATCH", `stacks/${made.id}`, { policy, etag });
  expect(status).toBe(200);
  expect(updated).toMatchObject({
    placement: { hostIds: [identity.hostId] },
    policy: { drift: "DRIFT_REPORT", keepRevisions: 5, rollout: { waves: [{ hosts: 1 }] } },
    policyWarnings: [{ code: "WF_POLICY_SERVICE", keyPath: "policy.rollout.health_gate.probes[0]" }],
  });
  const second = await session.next("desiredState");
  expect(second.generation?.n).toBe((first.generation?.n ?? 0n) + 1n);
  expect(second.stacks).toMatchObject([
    {
      revision: 1,
      attempt: first.stacks[0]?.attempt,
      policy: {
        reportDrift: true,
        keepRevisions: 5,
        heal: { web: { action: "recreate", budget: 2, budgetSeconds: 600 } },
      },
    },
  ]);

  // What only rollouts follow is no news to a host.
  const quiet = { ...policy, rollout: { maxParallel: 3 } };
  expect((await call("PATCH", `stacks/${made.id}`, { policy: quiet })).status).toBe(200);
  await expect(session.next("desiredState", 300)).rejects.toThrow("no desiredState");
  session.close();

  expect(await call("PATCH", `stacks/${made.id}`, { policy, etag })).toMatchObject({
    json: { code: "WF_ETAG_MISMATCH" },
  });
  const noSize = { ...policy, rollout: { waves: [{ name: "canary" }] } };
  expect(await call("PATCH", `stacks/${made.id}`, { policy: noSize })).toMatchObject({
    status: 400,
    json: { code: "WF_INVALID_ARGUMENT", violations: [{ path: "policy.rollout.waves[0]" }] },
  });
  const { rows } = await app.platform.database.inOrganization(app.organizationId, (tx) =>
    sql<{ detail: object }>`SELECT detail FROM audit_entries WHERE target_id = ${made.id} AND action = 'stacks.update'
      ORDER BY sequence`.execute(tx.queries),
  );
  expect(rows).toMatchObject([
    { detail: { policy: { drift: "report" }, before: { policy: { drift: "correct" } } } },
    { detail: { policy: { rollout: { maxParallel: 3 } } } },
  ]);
});
