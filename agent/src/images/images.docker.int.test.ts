import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import {
  type MadeImage,
  type MadeLayer,
  type TestEngine,
  imageTar,
  makeImage,
  startRegistry,
  startTestEngine,
  startTestPodman,
} from "@windflow/e2e/testbed";
import type { FetchImageResponse } from "@windflow/proto/agent";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { smallFile, writeTar } from "../engines/docker/build-tar.ts";
import { createDockerEngine } from "../engines/docker/index.ts";
import type { ContentSource } from "../files/content-store.ts";
import type { ImageSource } from "../link/index.ts";
import { systemClock } from "../platform/clock.ts";
import type { PullProgress } from "../reconcile/engine.ts";
import { createImages } from "./images.ts";
import { NO_SITE } from "./site-layers.ts";

const KINDS = ["graph driver", "containerd store", "20.10", "Podman"] as const;
type Kind = (typeof KINDS)[number];
// Nobody listens there: a registry that the engine does not reach.
const AWAY = "10.255.255.1:5999";
const PAYLOAD = 300_000;
const NOTHING: FetchImageResponse = {
  documents: [],
  retryAfterMs: 0,
  problem: "",
  code: "",
  bytesDone: 0n,
  bytesTotal: 0n,
  tickets: [],
};

type Machine = Pick<TestEngine, "socketPath" | "docker" | "machine" | "stop">;
const machines = new Map<Kind, Machine>();
let folder: string;
let base: MadeLayer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "windflow-images-"));
  machines.set("graph driver", await startTestEngine());
  machines.set("containerd store", await startTestEngine({ containerdSnapshotter: true }));
  machines.set("20.10", await startTestEngine({ release: "20.10" }));
  machines.set("Podman", await startTestPodman());
  base = { tar: readFileSync(await imageTar("busybox")), compression: "gzip" };
});
afterAll(async () => {
  for (const machine of machines.values()) await machine.stop();
  rmSync(folder, { recursive: true, force: true });
});

function machineOf(kind: Kind): Machine {
  const machine = machines.get(kind);
  if (machine === undefined) throw new Error(`no engine with ${kind}`);
  return machine;
}
/** An image on the base with layers of its own, so large and so compressed. */
async function imageOf(...own: MadeLayer["compression"][]): Promise<MadeImage> {
  const layers = [base];
  for (const [i, compression] of own.entries()) {
    const pieces: Buffer[] = [];
    for await (const piece of writeTar([smallFile(`payload-${i}`, randomBytes(PAYLOAD))])) pieces.push(piece);
    layers.push({ tar: Buffer.concat(pieces), compression });
  }
  return makeImage(layers, ["/bin/sh", "-c", "wc -c < /payload-0"]);
}
const digestOnly = (reference: string, image: MadeImage): string => `${reference.split(":1")[0]}@${image.indexDigest}`;

interface Site {
  pull(reference: string, image: MadeImage, signal?: AbortSignal): Promise<{ id: string }>;
  readonly progress: PullProgress[];
  asked: number;
  bytes: number;
  /** Breaks the line after so many bytes, once. */
  breakAfter: number | undefined;
  answer: (image: MadeImage) => FetchImageResponse;
  blob: (image: MadeImage, digest: string) => Uint8Array;
}

/** The images of an agent whose control plane is this test. */
function site(kind: Kind, source: ImageSource = "control-plane", own = mkdtempSync(join(folder, "state-"))): Site {
  const known = new Map<string, MadeImage>();
  const ask: Site = {
    progress: [],
    asked: 0,
    bytes: 0,
    breakAfter: undefined,
    answer: (image) => ({
      ...NOTHING,
      documents: [image.indexDigest, image.manifestDigest, image.configDigest].map(
        (digest) => image.blobs.get(digest) ?? new Uint8Array(),
      ),
    }),
    blob: (image, digest) => image.blobs.get(digest) ?? new Uint8Array(),
    pull: async (reference, image, signal = AbortSignal.timeout(60_000)) => {
      known.set(image.indexDigest, image);
      const request = { reference: digestOnly(reference, image), tagAs: reference, signal };
      return images.pullImage(request, (one) => ask.progress.push(one));
    },
  };
  const layers: ContentSource = async function* (digest, offset) {
    const image = [...known.values()].find((one) => one.blobs.has(digest));
    if (image === undefined) throw Object.assign(new Error("not desired"), { code: status.NOT_FOUND });
    const bytes = ask.blob(image, digest);
    for (let at = offset; at < bytes.length; at += 65_536) {
      if (ask.breakAfter !== undefined && ask.bytes >= ask.breakAfter) {
        ask.breakAfter = undefined;
        throw Object.assign(new Error("link lost"), { code: status.UNAVAILABLE });
      }
      const piece = bytes.subarray(at, at + 65_536);
      ask.bytes += piece.length;
      yield piece;
    }
  };
  const images = createImages({
    engine: createDockerEngine({ socketPath: machineOf(kind).socketPath }),
    stateDir: own,
    clock: systemClock,
    log: () => undefined,
    link: {
      ask: () => async (request) => {
        ask.asked++;
        const image = known.get(request.digest);
        return image === undefined ? { ...NOTHING, problem: "no such image", code: "WF_TEST" } : ask.answer(image);
      },
      layers: () => layers,
      source: () => source,
      site: NO_SITE,
    },
  });
  return ask;
}
const sizeOf = (image: MadeImage, from = 0): number =>
  image.layers.slice(from).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

describe.each(KINDS)("%s", (kind) => {
  test("has an image as if it had pulled it; the next one brings only the layers that it lacks; what is there is not asked for", async () => {
    const first = await imageOf("gzip");
    const reference = `${AWAY}/team/first:1`;
    const own = mkdtempSync(join(folder, "state-"));
    const at = site(kind, "control-plane", own);
    const { id } = await at.pull(reference, first);
    expect(id).toBe(kind === "containerd store" ? first.indexDigest : first.configDigest);
    const { docker } = machineOf(kind);
    const inspected = await docker.getImage(reference).inspect();
    expect(inspected.Id.replace(/^(sha256:)?/, "sha256:")).toBe(id);
    expect(inspected.RepoTags).toEqual([reference]);
    expect(inspected.RootFS.Layers).toEqual(first.layers.map(({ diffId }) => diffId));
    const container = await docker.createContainer({ Image: id });
    await container.start();
    // Podman does not remove one that is ending at this moment.
    const state = await vi.waitUntil(
      async () => {
        const { State } = await container.inspect();
        return State.Running ? undefined : State;
      },
      { timeout: 60_000 },
    );
    expect(state.ExitCode).toBe(0);
    await container.remove();
    expect(at.progress.at(-1)).toMatchObject({ layersDone: 2, bytesDone: sizeOf(first), bytesTotal: sizeOf(first) });

    const second = await imageOf("zstd", "gzip");
    at.bytes = 0;
    await at.pull(`${AWAY}/team/second:1`, second);
    expect(at.bytes).toBe(sizeOf(second, 1));

    // Another agent on the same state, as after a restart: the engine has it, and nobody is asked.
    const later = site(kind, "control-plane", own);
    expect(await later.pull(`${AWAY}/team/first:2`, first)).toMatchObject({ id });
    expect({ asked: later.asked, bytes: later.bytes }).toEqual({ asked: 0, bytes: 0 });
    expect((await docker.getImage(id).inspect()).RepoTags).toContain(`${AWAY}/team/first:2`);
  });
});

test("a registry that is not reached is gone around, once for all its images; one that answers no is not", async () => {
  const machine = machineOf("graph driver");
  const closed = await startRegistry(machine.machine, { credentials: true });
  const image = await imageOf("gzip");
  const at = site("graph driver", "registry-then-control-plane");
  expect(await at.pull(`${AWAY}/team/around:1`, image)).toMatchObject({ id: image.configDigest });
  expect(at.asked).toBe(1);
  const begun = Date.now();
  const other = await imageOf("gzip");
  await at.pull(`${AWAY}/team/around:2`, other);
  expect(at.asked).toBe(2);
  expect(Date.now() - begun).toBeLessThan(30_000);

  const refused = await imageOf("gzip");
  await expect(at.pull(`${closed.address}/team/app:1`, refused)).rejects.toMatchObject({
    code: "WF_REGISTRY_UNAUTHORIZED",
  });
  expect(at.asked).toBe(2);
  const pulling = site("graph driver", "registry");
  await expect(pulling.pull(`${AWAY}/team/app:1`, refused)).rejects.toMatchObject({ code: "WF_REGISTRY_UNREACHABLE" });
  expect(pulling.asked).toBe(0);
  const refusing = site("graph driver", "registry-then-control-plane");
  refusing.answer = () => ({ ...NOTHING, problem: "registry wants credentials", code: "WF_REGISTRY_UNAUTHORIZED" });
  await expect(refusing.pull(`${AWAY}/team/app:1`, refused)).rejects.toThrow(
    /cannot be reached.*WF_REGISTRY_UNREACHABLE.*does not come from the control plane: registry wants credentials \(WF_REGISTRY_UNAUTHORIZED\)/s,
  );
});

test("links that break and agents that are killed cost no byte twice", async () => {
  const image = await imageOf("gzip", "gzip", "gzip");
  const own = mkdtempSync(join(folder, "state-"));
  const at = site("graph driver", "control-plane", own);
  at.breakAfter = PAYLOAD + 100_000;
  const killed = new AbortController();
  at.blob = (made, digest) => {
    if (at.bytes > 2 * PAYLOAD) killed.abort(new Error("killed"));
    return made.blobs.get(digest) ?? new Uint8Array();
  };
  await expect(at.pull(`${AWAY}/team/broken:1`, image, killed.signal)).rejects.toThrow();
  const after = site("graph driver", "control-plane", own);
  await after.pull(`${AWAY}/team/broken:1`, image);
  const whole = sizeOf(image, 1);
  // What was taken from the wire and not yet written when it was killed.
  expect(at.bytes + after.bytes).toBeLessThanOrEqual(whole + 2 * 65_536);
  expect(after.bytes).toBeLessThan(whole);
});

test("nothing is believed: documents that do not name one another and layers with other bytes are refused", async () => {
  const image = await imageOf("gzip");
  const foreign = await imageOf("gzip");
  const at = site("graph driver");
  const document = (made: MadeImage, digest: string): Uint8Array => made.blobs.get(digest) ?? new Uint8Array();
  const cases = [
    [foreign.indexDigest, foreign.manifestDigest, foreign.configDigest].map((digest) => document(foreign, digest)),
    [
      document(image, image.indexDigest),
      document(foreign, foreign.manifestDigest),
      document(foreign, foreign.configDigest),
    ],
    [
      document(image, image.indexDigest),
      document(image, image.manifestDigest),
      document(foreign, foreign.configDigest),
    ],
    [document(image, image.indexDigest), Buffer.from("{")],
  ];
  for (const documents of cases) {
    at.answer = () => ({ ...NOTHING, documents });
    await expect(at.pull(`${AWAY}/team/forged:1`, image)).rejects.toMatchObject({ code: "WF_IMAGE_DAMAGED" });
  }
  const spoiled = site("graph driver");
  spoiled.blob = (made, digest) => Buffer.from(made.blobs.get(digest) ?? []).fill(0, 10, 20);
  const given = AbortSignal.timeout(3_000);
  await expect(spoiled.pull(`${AWAY}/team/forged:1`, image, given)).rejects.toThrow();
  const { docker } = machineOf("graph driver");
  await expect(docker.getImage(`${AWAY}/team/forged:1`).inspect()).rejects.toMatchObject({ statusCode: 404 });
});
