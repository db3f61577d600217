import { type DesiredWorld, type ObservedContainer, secretPlaceholder } from "@windflow/core";
import { expect, test } from "vitest";
import { NOTHING_OWN, observedState } from "./observed-state.ts";
import { createRedaction } from "./redaction.ts";

const CANARY = "canary-7c21-of-revision";

function world(revision: number): DesiredWorld {
  const password = secretPlaceholder({ name: "PASSWORD", version: revision });
  const model = { name: "shop", services: { web: { command: ["serve", `--password=${password}`] } } };
  return { organizationId: "org_1", generation: "1.1", stacks: [{ stackId: "stk_1", revision, model }] } as never;
}
function container(revision: number, command: string): ObservedContainer {
  const labels = {
    "dev.windflow.organization": "org_1",
    "dev.windflow.stack": "stk_1",
    "dev.windflow.revision": String(revision),
    "com.docker.compose.service": "web",
  };
  const lists = { mounts: [], ports: [], networks: [] };
  return { id: "c1", name: "shop-web-1", image: "i", imageId: "i", labels, command, createdAt: 1, ...lists } as never;
}
function told(containers: ObservedContainer[], desired: DesiredWorld, cause = "", settlements: unknown[] = []): string {
  const redact = createRedaction({ desired: () => desired, secretText: (_, reference) => `${CANARY}-${reference}` });
  const services = [{ stackId: "stk_1", service: "web", state: "failed", cause, containerIds: [], evidence: [] }];
  const stacks = [{ stackId: "stk_1", revision: 2, state: "failed", cause: "", services }];
  const state = observedState({ world: { containers }, stacks, settlements } as never, {
    generation: undefined,
    pins: [],
    wanted: () => 1,
    imageOf: () => undefined,
    adoptedInto: () => undefined,
    revisionOf: (stackId) => desired.stacks.find((stack) => stack.stackId === stackId)?.revision,
    wellSince: { of: () => undefined },
    ownOf: () => NOTHING_OWN,
    lastLines: () => [],
    redact,
  });
  return JSON.stringify(state);
}

test("a secret in a command, or in an engine's error about it, is not told", () => {
  const secret = `${CANARY}-PASSWORD@2`;
  const text = told([container(2, `serve --password=${secret}`)], world(2), `exec: "serve ${secret}": not found`);
  expect(text).not.toContain(CANARY);
  expect(text).toContain("serve --password=[REDACTED]");
  expect(text).toContain('serve [REDACTED]\\": not found');
});

test("the command of another revision is not told: its secrets may be gone from the host", () => {
  expect(told([container(1, `serve --password=${CANARY}-PASSWORD@1`)], world(2))).not.toContain(CANARY);
  const gone: DesiredWorld = { ...world(2), stacks: [] };
  expect(told([container(1, `serve --password=${CANARY}-PASSWORD@1`)], gone)).not.toContain(CANARY);
});

test("an agent that was restarted knows the secrets of revisions that are kept: a container of theirs may write them still", () => {
  const kept = world(1).stacks;
  const secretText = (stack: { revision: number }, reference: string): string =>
    `${CANARY}-${reference}-${stack.revision}`;
  const redact = createRedaction({ desired: () => world(2), kept: () => kept, secretText });
  const line = `connecting with ${CANARY}-PASSWORD@1-1, then ${CANARY}-PASSWORD@2-2`;
  expect(redact("stk_1", line)).toBe("connecting with [REDACTED], then [REDACTED]");
});

test("a secret in the cause of a step that puts drift right is not told, also where the cause is cut", () => {
  const secret = `${CANARY}-PASSWORD@2`;
  const cause = `${"x".repeat(190)}${secret}`;
  const step = { op: "start-container", id: "start-container shop-web-1", slot: "shop-web-1", stackId: "stk_1", cause };
  const settlement = { stackId: "stk_1", drift: [step], failing: [], problems: [] };
  const text = told([], world(2), "", [settlement]);
  expect(text).toContain("xxx");
  expect(text).not.toContain(secret.slice(0, 8));
});

test("secrets of the revision before are taken out as long as they were known", () => {
  let desired = world(1);
  const redact = createRedaction({ desired: () => desired, secretText: (_, reference) => `${CANARY}-${reference}` });
  expect(redact("stk_1", `x ${CANARY}-PASSWORD@1`)).toBe("x [REDACTED]");
  desired = world(2);
  expect(redact("stk_1", `${CANARY}-PASSWORD@1 ${CANARY}-PASSWORD@2`)).toBe("[REDACTED] [REDACTED]");
});

test("while a secret cannot be read, no text is told: it might hold it", () => {
  const broken = createRedaction({
    desired: () => world(1),
    secretText: () => {
      throw new Error("the box cannot be opened");
    },
  });
  expect(broken("stk_1", `serve --password=${CANARY}`)).toBe("[REDACTED]");
  const delivered = new Map<string, string>();
  const late = createRedaction({ desired: () => world(1), secretText: (_, reference) => delivered.get(reference) });
  expect(late("stk_1", CANARY)).toBe("[REDACTED]");
  delivered.set("PASSWORD@1", CANARY);
  expect(late("stk_1", `--password=${CANARY}`)).toBe("--password=[REDACTED]");
});
