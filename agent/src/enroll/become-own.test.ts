import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { open, seal, sealRandomness, SEAL_RANDOMNESS_BYTES, secretsContext, sha256Hex } from "@windflow/core";
import { SealedBox } from "@windflow/proto/agent";
import { loadDesired, saveDesired } from "../state/desired-file.ts";
import { becomeOwn, forgetFormer, nextIdentityFolder } from "./become-own.ts";
import { loadOrCreateHostKeys } from "./host-keys.ts";
import { loadIdentity, saveIdentity, type Identity } from "./identity.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-reenrol-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const identity = (hostId: string): Identity => ({
  hostId,
  organizationId: "org",
  hostName: hostId,
  server: "https://cp.test:443",
  certificateChain: `chain of ${hostId}`,
  trustedRoots: "roots",
});
const context = secretsContext("stk_1", 3);
const secretFile = (state: string): string => join(state, "desired", "secrets", sha256Hex(context));

/** The state of a machine that runs one stack with a secret as the host `old`, with the identity of `new` ready beside it. */
function prepared(state: string): void {
  mkdirSync(join(state, "desired", "secrets"), { recursive: true });
  const { sealingPublicKey } = loadOrCreateHostKeys(state);
  saveIdentity(state, identity("old"));
  saveDesired(join(state, "desired"), {
    generation: { term: 1n, n: 57n },
    stacks: [{ stackId: "stk_1", revision: 3, bodyDigest: `sha256:${"0".repeat(64)}` }],
  });
  const box = seal(sealingPublicKey, Buffer.from("hush"), context, sealRandomness(randomBytes(SEAL_RANDOMNESS_BYTES)));
  writeFileSync(secretFile(state), SealedBox.encode(box).finish());
  for (const name of ["spool", "registries"]) {
    mkdirSync(join(state, name));
    writeFileSync(join(state, name, "of-old"), "");
  }
  const next = nextIdentityFolder(state);
  mkdirSync(next);
  loadOrCreateHostKeys(next);
  saveIdentity(next, identity("new"));
}

/** Who the machine is, with keys that fit: the secret opens with the sealing key that stands, and the host key is that identity's. */
function standing(state: string, keysOf: ReadonlyMap<string, string>): { hostId: string; secret: string } {
  const hostId = loadIdentity(state)?.hostId ?? "none";
  const keys = loadOrCreateHostKeys(state);
  expect(keys.hostKeyPem).toBe(keysOf.get(hostId));
  const box = SealedBox.decode(readFileSync(secretFile(state)));
  return { hostId, secret: Buffer.from(open(keys.sealingPrivateKey, box, context)).toString() };
}

test("the machine becomes the host of its own, and what it runs stays: secrets open, the next desired state is taken", () => {
  prepared(folder);
  const keysOf = new Map([["new", loadOrCreateHostKeys(nextIdentityFolder(folder)).hostKeyPem]]);
  becomeOwn(folder);
  expect(standing(folder, keysOf)).toEqual({ hostId: "new", secret: "hush" });
  expect(loadDesired(join(folder, "desired"))).toMatchObject({
    generation: { term: 0n, n: 0n },
    stacks: [{ revision: 3 }],
  });
  expect(existsSync(join(folder, "spool"))).toBe(false);
  expect(loadIdentity(join(folder, "former-identity"))?.hostId).toBe("old");
  forgetFormer(folder);
  expect(existsSync(join(folder, "former-identity"))).toBe(false);
  becomeOwn(folder);
  expect(loadIdentity(folder)?.hostId).toBe("new");
});

test("ended at any act, the next start ends what was begun: one identity, whole, and never without the former one", () => {
  prepared(folder);
  const original = `${folder}-original`;
  cpSync(folder, original, { recursive: true });
  const keysOf = new Map([
    ["old", loadOrCreateHostKeys(original).hostKeyPem],
    ["new", loadOrCreateHostKeys(nextIdentityFolder(original)).hostKeyPem],
  ]);
  const points: string[] = [];
  becomeOwn(folder, (name) => points.push(name));
  expect(points.length).toBeGreaterThanOrEqual(10);
  for (let killedAt = 0; killedAt < points.length; killedAt++) {
    rmSync(folder, { recursive: true, force: true });
    cpSync(original, folder, { recursive: true });
    let acts = 0;
    expect(() =>
      becomeOwn(folder, () => {
        if (acts++ === killedAt) throw new Error("killed");
      }),
    ).toThrow("killed");
    // A second one, in the middle of the way to the end.
    let again = 0;
    try {
      becomeOwn(folder, () => {
        if (again++ === 1) throw new Error("killed again");
      });
    } catch (error) {
      expect(String(error)).toContain("killed again");
    }
    becomeOwn(folder);
    expect(standing(folder, keysOf), points[killedAt]).toEqual({ hostId: "new", secret: "hush" });
    expect(loadIdentity(join(folder, "former-identity"))?.hostId).toBe("old");
    expect(loadOrCreateHostKeys(join(folder, "former-identity")).hostKeyPem).toBe(keysOf.get("old"));
    expect(existsSync(nextIdentityFolder(folder))).toBe(false);
  }
  rmSync(original, { recursive: true, force: true });
});

test("while the enrolment is under way the old identity stands", () => {
  prepared(folder);
  rmSync(join(nextIdentityFolder(folder), "identity.json"));
  becomeOwn(folder);
  expect(loadIdentity(folder)?.hostId).toBe("old");
  expect(existsSync(join(nextIdentityFolder(folder), "host-key.pem"))).toBe(true);
});
