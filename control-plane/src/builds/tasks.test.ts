import { layerMark, sha256Digest } from "@windflow/core";
import { BuildTasks } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import type { PlannedBuild } from "./inputs.ts";
import { encodeTasks } from "./tasks.ts";

const HOST = { platform: "linux/amd64", noCache: false, knownLayers: [] };

function planned(service: string, content: Uint8Array): PlannedBuild {
  const file = { kind: "file", mode: 0o644, uid: 0, gid: 0, digest: "", linkTarget: "" } as const;
  return {
    service,
    reference: `shop-${service}`,
    platform: "",
    files: [{ ...file, path: "text", sizeBytes: content.length, content }],
    dockerfile: "text",
    settings: {},
    base: { images: [], unknown: false },
    warnings: [],
  };
}

test("texts come along with the list", () => {
  const { tasks } = BuildTasks.decode(encodeTasks([planned("web", Buffer.from("FROM a"))], HOST));
  expect(tasks).toMatchObject([{ service: "web", platform: "linux/amd64" }]);
  expect(Buffer.from(tasks[0]?.files[0]?.content ?? []).toString()).toBe("FROM a");
});

test("texts that many services share are counted for each of them, and refused before they take the memory", () => {
  const content = Buffer.alloc(64 * 1024);
  const builds = Array.from({ length: 40_000 }, (_, i) => planned(`s${i}`, content));
  expect(() => encodeTasks(builds, HOST)).toThrow(/has 2500 MiB; 32 MiB are allowed/);
});

test("a host is told of no layer that it does not have", () => {
  const digest = sha256Digest("a layer of another stack");
  const bytes = encodeTasks([planned("web", Buffer.from("FROM a"))], { ...HOST, knownLayers: [digest] });
  expect(Buffer.from(bytes).includes(digest)).toBe(false);
  expect(BuildTasks.decode(bytes).tasks[0]?.knownLayers).toEqual([layerMark(digest)]);
});
