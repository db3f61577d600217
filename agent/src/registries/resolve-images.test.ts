import { expect, test } from "vitest";
import { EngineError } from "../reconcile/engine.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import type { LocalImage, RegistryEngine } from "./engine.ts";
import { resolveReply } from "./resolve-images.ts";

const DIGEST = `sha256:${"d".repeat(64)}`;
const ID = `sha256:${"1".repeat(64)}`;

const SPEED = 50;
const hurried: Clock = {
  now: () => Date.now() * SPEED,
  after: (ms, callback) => systemClock.after(ms / SPEED, callback),
};

/** An engine with these images, whose registries never answer. */
function engineWith(images: Readonly<Record<string, LocalImage>>): RegistryEngine & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    localImage: async (reference) => images[reference],
    remoteImage: (reference, { signal }) => {
      asked.push(reference);
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(new EngineError("aborted", undefined))),
      );
    },
    signIn: async () => undefined,
  };
}
const resolve = (engine: RegistryEngine, references: readonly string[], engineName = "Docker Engine") =>
  resolveReply(
    {
      requestId: "r1",
      images: references.map((reference) => ({ reference, platform: "", askRegistry: false })),
      sealed: new Uint8Array(),
    },
    { engine, clock: hurried, engineName: () => engineName, registries: { open: () => new Map() } },
  );

test("registries that do not answer keep nobody waiting, and what needs none of them is answered", async () => {
  const local = { id: ID, digests: [`r.example.com/app@${DIGEST}`], platform: "linux/amd64" };
  const engine = engineWith({ "r.example.com/app:1": local });
  const slow = Array.from({ length: 9 }, (_, i) => `slow.example.com/app:${i}`);
  const { images } = await resolve(engine, [...slow, "r.example.com/app:1"]);
  expect(images).toHaveLength(10);
  expect(images.at(-1)).toMatchObject({ repositoryDigest: DIGEST, problem: "" });
  expect(images[0]).toMatchObject({
    code: "WF_REGISTRY_UNREACHABLE",
    problem: expect.stringContaining("slow.example.com"),
  });
  expect(images[8]).toMatchObject({ code: "WF_REGISTRY_UNREACHABLE" });
});

test("an engine that names a digest for every image is not taken at its word", async () => {
  const containerd = { id: DIGEST, digests: [`loaded@${DIGEST}`], platform: "linux/amd64" };
  const podman = { id: ID, digests: [`localhost/loaded@${DIGEST}`], platform: "linux/amd64" };
  for (const [reference, local, name] of [
    ["loaded:1", containerd, "Docker Engine"],
    ["localhost/loaded:1", podman, "Podman Engine"],
  ] as const) {
    const engine = engineWith({ [reference]: local });
    expect((await resolve(engine, [reference], name)).images).toMatchObject([{ repositoryDigest: "", problem: "" }]);
    expect(engine.asked).toHaveLength(1);
  }
});
