import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Lock, completeLock } from "./lock.ts";

it("finds nothing missing in the lock of this checkout (else: node scripts/lock.ts)", () => {
  const lock = JSON.parse(readFileSync(join(import.meta.dirname, "../../package-lock.json"), "utf8")) as Lock;
  expect(completeLock(lock).added).toEqual([]);
});

it("adds an entry for each optional package that the lock names without having it", () => {
  const lock: Lock = {
    packages: {
      "": {},
      "node_modules/tool": {
        dev: true,
        optionalDependencies: {
          "@tool/linux-x64-gnu": "1.0.0",
          "@tool/linux-x64-musl": "1.0.0",
          "@tool/win32-arm64": "1.0.0",
        },
      },
      "node_modules/@tool/linux-x64-gnu": { version: "1.0.0" },
    },
  };
  const { lock: whole, added } = completeLock(lock);
  expect(added).toEqual(["@tool/linux-x64-musl", "@tool/win32-arm64"]);
  expect(whole.packages["node_modules/@tool/linux-x64-musl"]).toEqual({
    version: "1.0.0",
    cpu: ["x64"],
    dev: true,
    libc: ["musl"],
    optional: true,
    os: ["linux"],
  });
  expect(completeLock(whole).added).toEqual([]);
});
