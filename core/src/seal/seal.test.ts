import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { open, seal, SealError, sealRandomness, secretsContext, x25519PublicKey } from "./index.ts";

const bytes = (n: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: n, maxLength: n });

describe("seal and open", () => {
  test("what is sealed to a key is read with that key, for the same purpose", () => {
    fc.assert(
      fc.property(
        bytes(32),
        bytes(44),
        fc.uint8Array({ maxLength: 300 }),
        fc.string(),
        (key, random, text, context) => {
          const box = seal(x25519PublicKey(key), text, context, sealRandomness(random));
          expect(new Uint8Array(open(key, box, context))).toEqual(text);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("another key, another purpose or one changed bit does not open it", () => {
    const key = new Uint8Array(32).fill(7);
    const box = seal(
      x25519PublicKey(key),
      Buffer.from("hunter2"),
      secretsContext("stk_1", 3),
      sealRandomness(new Uint8Array(44).fill(9)),
    );
    expect(() => open(new Uint8Array(32).fill(8), box, secretsContext("stk_1", 3))).toThrow(SealError);
    expect(() => open(key, box, secretsContext("stk_1", 4))).toThrow(SealError);
    for (let i = 0; i < box.ciphertext.length; i++) {
      const ciphertext = Uint8Array.from(box.ciphertext);
      ciphertext[i] = (ciphertext[i] ?? 0) ^ 1;
      expect(() => open(key, { ...box, ciphertext }, secretsContext("stk_1", 3))).toThrow(SealError);
    }
  });

  test("the public key is the one that Node derives for the same private key", () => {
    const { privateKey, publicKey } = generateKeyPairSync("x25519");
    const raw = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32);
    expect(Buffer.from(x25519PublicKey(raw))).toEqual(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
  });
});
