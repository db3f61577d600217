import type { DesiredStack } from "@windflow/core";
import { expect, test } from "vitest";
import { EngineError } from "./engine.ts";
import { fetchSecrets, redacting, withSecrets } from "./secret-text.ts";

const STACK = { stackId: "stk_1" } as DesiredStack;
const lookup = async (_stack: DesiredStack, reference: string): Promise<string | undefined> =>
  ({ "password@3": "hunter2", "pin@1": "42" })[reference];

test("secrets are put in at any depth, and only where they are named", async () => {
  const part = { command: ["login", "{{wf-secret:password@3}}"], environment: { A: "x{{wf-secret:pin@1}}", B: null } };
  const secrets = await fetchSecrets(STACK, part, lookup);
  expect(withSecrets(part, secrets.textOf)).toEqual({
    command: ["login", "hunter2"],
    environment: { A: "x42", B: null },
  });
});

test("a secret that was not delivered is named, not guessed", async () => {
  const secrets = await fetchSecrets(STACK, ["{{wf-secret:other@1}}"], lookup);
  expect(() => withSecrets("{{wf-secret:other@1}}", secrets.textOf)).toThrow("other@1");
});

test("an engine that repeats a secret in its refusal does not make it known", async () => {
  const secrets = await fetchSecrets(STACK, ["{{wf-secret:password@3}}"], lookup);
  const refused = redacting(secrets, async () => {
    throw new EngineError("invalid environment variable: hunter2", 400);
  });
  await expect(refused).rejects.toMatchObject({ message: "invalid environment variable: [REDACTED]", status: 400 });
});
