import { expect, test } from "vitest";
import { secretPlaceholder, secretReferences, substituteSecrets } from "./secrets.ts";

test("references are listed once, in order", () => {
  const environment = {
    B: `postgres://u:${secretPlaceholder({ name: "DB", version: 2 })}@db`,
    A: secretPlaceholder({ name: "DB", version: 2 }),
    C: secretPlaceholder({ name: "API.key-1", version: 10 }),
  };
  const service = { command: null, entrypoint: null, environment };
  expect(secretReferences({ name: "shop", services: { web: service } })).toEqual([
    { name: "API.key-1", version: 10 },
    { name: "DB", version: 2 },
  ]);
});

test("a secret's text is put in once and never searched again", () => {
  const text = "a={{wf-secret:A@1}} b={{wf-secret:B@3}}";
  const found = substituteSecrets(text, ({ name }) => (name === "A" ? "{{wf-secret:B@3}}$&" : "b"));
  expect(found).toBe("a={{wf-secret:B@3}}$& b=b");
});

test("a missing secret is an error that names it", () => {
  expect(() => substituteSecrets("{{wf-secret:A@1}}", () => undefined)).toThrow(
    "no text for the secret {{wf-secret:A@1}}",
  );
});
