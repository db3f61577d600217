import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { signHello, verifyHello } from "./index.ts";

const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = pair.publicKey.export({ format: "der", type: "spki" });
const nonce = new Uint8Array(32).fill(1);

test("a Hello is valid for its key, nonce and host only", () => {
  const signature = signHello(pair.privateKey, nonce, "hst_1");
  expect(signature).toHaveLength(64);
  expect(verifyHello(spki, nonce, "hst_1", signature)).toBe(true);
  expect(verifyHello(spki, nonce, "hst_2", signature)).toBe(false);
  expect(verifyHello(spki, new Uint8Array(32).fill(2), "hst_1", signature)).toBe(false);
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "der", type: "spki" });
  expect(verifyHello(other, nonce, "hst_1", signature)).toBe(false);
});

test("garbage is not valid and does not throw", () => {
  expect(verifyHello(new Uint8Array(5), nonce, "hst_1", new Uint8Array(64))).toBe(false);
  expect(verifyHello(spki, nonce, "hst_1", new Uint8Array(3))).toBe(false);
});
