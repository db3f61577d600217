import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registryAuthContext, seal, sealRandomness, SEAL_RANDOMNESS_BYTES, x25519PublicKey } from "@windflow/core";
import { type RegistryAuth, RegistryAuths, type SealedBox } from "@windflow/proto/agent";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CredentialSource, createRegistries, type Registries } from "./registries.ts";

const ADDRESS = "r.example.com:5000";
const IMAGE = `${ADDRESS}/app:1`;
const AUTH: RegistryAuth = { address: ADDRESS, username: "ci", password: "correct horse" };
const EXPECTED = { username: "ci", password: "correct horse", serverAddress: ADDRESS };

let folder: string;
let lines: string[];
const sealingPrivateKey = new Uint8Array(randomBytes(32));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-registries-"));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (): Registries =>
  createRegistries({
    folder,
    hostId: "hst_1",
    sealingPrivateKey,
    log: (_level, message, fields) => void lines.push(`${message} ${JSON.stringify(fields)}`),
  });
const sealed = (auths: readonly RegistryAuth[], hostId = "hst_1"): SealedBox =>
  seal(
    x25519PublicKey(sealingPrivateKey),
    RegistryAuths.encode({ registries: [...auths] }).finish(),
    registryAuthContext(hostId),
    sealRandomness(new Uint8Array(randomBytes(SEAL_RANDOMNESS_BYTES))),
  );
const giving = (box: SealedBox | undefined): CredentialSource => ({ fetch: async () => box });
const away: CredentialSource = {
  fetch: async () => {
    throw new Error("no answer");
  },
};

test("credentials are asked for afresh, and kept sealed for the time without a control plane", async () => {
  const first = open();
  expect(await first.authFor(IMAGE)).toBeUndefined();
  first.attach(giving(sealed([AUTH])));
  expect(await first.authFor(IMAGE)).toEqual(EXPECTED);
  const [file = ""] = readdirSync(folder);
  expect(readFileSync(join(folder, file)).includes(AUTH.password)).toBe(false);

  const restarted = open();
  expect(await restarted.authFor(IMAGE)).toEqual(EXPECTED);
  restarted.attach(away);
  expect(await restarted.authFor(IMAGE)).toEqual(EXPECTED);
  expect(lines.join()).toContain("no answer");
  restarted.attach(giving(sealed([{ ...AUTH, password: "changed" }])));
  expect(await restarted.authFor(IMAGE)).toMatchObject({ password: "changed" });
  restarted.attach(giving(undefined));
  expect(await restarted.authFor(IMAGE)).toBeUndefined();
  expect(readdirSync(folder)).toEqual([]);
  expect(lines.join()).not.toContain(AUTH.password);
});

test("pulls of the same moment ask once; Docker Hub is named as engines name it", async () => {
  const asked: string[][] = [];
  const registries = open();
  registries.attach({
    fetch: async ({ registries: addresses }) => {
      asked.push(addresses);
      return sealed([{ ...AUTH, address: addresses[0] ?? "" }]);
    },
  });
  const auths = await Promise.all(
    ["nginx:1", "docker.io/library/nginx:2", IMAGE].map((image) => registries.authFor(image)),
  );
  expect(asked).toEqual([["docker.io"], [ADDRESS]]);
  expect(auths.map((auth) => auth?.serverAddress)).toEqual([
    "https://index.docker.io/v1/",
    "https://index.docker.io/v1/",
    ADDRESS,
  ]);
});

test("what is for another host does not open; what nothing is pulled from any more is forgotten", async () => {
  const registries = open();
  registries.attach(giving(sealed([AUTH], "hst_2")));
  expect(await registries.authFor(IMAGE)).toBeUndefined();
  registries.attach(giving(sealed([AUTH])));
  await registries.authFor(IMAGE);
  registries.keepFor([IMAGE]);
  expect(readdirSync(folder)).toHaveLength(1);
  registries.keepFor(["nginx:1"]);
  expect(readdirSync(folder)).toEqual([]);
});

test("what a build needs is asked for that build and not kept", async () => {
  const registries = open();
  const asked: unknown[] = [];
  registries.attach({
    fetch: async (request) => {
      asked.push(request);
      return sealed([AUTH]);
    },
  });
  expect(await registries.authForAll([IMAGE, `${ADDRESS}/other`, "nginx"], { buildId: "bld_1" })).toEqual([EXPECTED]);
  expect(asked).toEqual([{ registries: [ADDRESS, "docker.io"], buildId: "bld_1" }]);
  expect(readdirSync(folder)).toEqual([]);
});
