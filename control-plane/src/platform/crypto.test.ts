import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createSealer, installationKey } from "./crypto.ts";

test("what is sealed opens with the same key in the same place, and nowhere else", () => {
  const sealer = createSealer(new Uint8Array(32).fill(1));
  const sealed = sealer.seal(Buffer.from("secret"), "ca/root");
  expect(Buffer.from(sealer.open(sealed, "ca/root")).toString()).toBe("secret");
  expect(Buffer.from(sealed).toString("latin1")).not.toContain("secret");
  expect(() => sealer.open(sealed, "ca/issuing")).toThrow(/authenticate/);
  expect(() => createSealer(new Uint8Array(32).fill(2)).open(sealed, "ca/root")).toThrow(/authenticate/);
  const damaged = Buffer.from(sealed);
  damaged.writeUInt8(damaged.readUInt8(damaged.length - 1) ^ 1, damaged.length - 1);
  expect(() => sealer.open(damaged, "ca/root")).toThrow(/authenticate/);
  expect(sealer.seal(Buffer.from("secret"), "ca/root")).not.toEqual(sealed);
});

test("the installation's key is made once, for its owner only, and a damaged one is named", async () => {
  const folder = await mkdtemp(join(tmpdir(), "windflow-key-"));
  const keys = await Promise.all([installationKey(folder), installationKey(folder)]);
  expect(keys[0]).toEqual(keys[1]);
  expect((await stat(join(folder, "installation.key"))).mode & 0o777).toBe(0o600);
  await chmod(join(folder, "installation.key"), 0o600);
  await writeFile(join(folder, "installation.key"), "short\n");
  await expect(installationKey(folder)).rejects.toThrow(/WF_KEY_UNREADABLE/);
  await rm(folder, { recursive: true });
});
