import { randomBytes } from "node:crypto";
import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DeliveredImage, sha256Digest } from "@windflow/core";
import {
  type TestEngine,
  type TestRegistry,
  buildImages,
  startRegistry,
  startTestEngine,
  startTestPodman,
} from "@windflow/e2e/testbed";
import type { Container } from "dockerode";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { BuildsEngine } from "../engines/builds-engine.ts";
import { createDockerEngine } from "../engines/docker/index.ts";
import { smallFile, writeTar } from "../engines/docker/build-tar.ts";
import { inspectContainer } from "../engines/docker/inspect.ts";
import type { PullProgress } from "../reconcile/engine.ts";
import { createLoadImage } from "../reconcile/load-image.ts";
import { manifestOf } from "./oci-archive.ts";
import { type SavedImage, takeApart } from "./saved-image.ts";

// 20.10 builds with its older builder unless it is told otherwise, Podman with its own, the others with BuildKit.
const KINDS = ["graph driver", "containerd store", "20.10", "Podman"] as const;
type Kind = (typeof KINDS)[number];
const LONG = `${"folder/".repeat(20)}file é.txt`;
const PAYLOAD = randomBytes(200_000);
const DOCKERFILE = `FROM wf/busybox:1 AS base
ARG WORD
RUN echo "$WORD from a step" && echo "$WORD" > /word
FROM base AS wanted
COPY . /context
FROM base AS unwanted
RUN exit 1
`;
const SETTINGS = {
  arguments: { WORD: "hello" },
  labels: { made: "here" },
  target: "wanted",
  extraHosts: ["db:10.1.2.3"],
  ulimits: [],
  platform: "linux/amd64",
  noCache: false,
  pull: false,
};

const signal = new AbortController().signal;
type Machine = Pick<TestEngine, "socketPath" | "docker" | "machine" | "crash" | "restart" | "stop">;
const machines = new Map<Kind, Machine>();
let registry: TestRegistry;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "windflow-builds-"));
  machines.set("graph driver", await startTestEngine());
  machines.set("containerd store", await startTestEngine({ containerdSnapshotter: true }));
  machines.set("20.10", await startTestEngine({ release: "20.10" }));
  machines.set("Podman", await startTestPodman());
  for (const machine of machines.values()) await buildImages(machine.docker, ["busybox"]);
  registry = await startRegistry(machineOf("graph driver").machine, { credentials: true });
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
const engineOf = (kind: Kind): BuildsEngine => createDockerEngine({ socketPath: machineOf(kind).socketPath });

async function build(kind: Kind, reference: string, dockerfile = DOCKERFILE): Promise<string[]> {
  const lines: string[] = [];
  const context = writeTar([
    smallFile("Dockerfile", Buffer.from(dockerfile)),
    { ...smallFile(LONG, Buffer.from("long")), mode: 0o640, uid: 7, gid: 8 },
    smallFile("payload", PAYLOAD),
    { path: "empty", kind: "folder", mode: 0o700, uid: 0, gid: 0, sizeBytes: 0, linkTarget: "" },
    { path: "link", kind: "link", mode: 0o777, uid: 0, gid: 0, sizeBytes: 0, linkTarget: LONG },
  ]);
  const settings = dockerfile === DOCKERFILE ? SETTINGS : { ...SETTINGS, target: "", arguments: {} };
  const request = { reference, context, dockerfile: "Dockerfile", settings, credentials: [], signal };
  await engineOf(kind).buildImage(request, (line) => lines.push(line));
  return lines;
}

/** Podman's own way of waiting notices the end of a container 20 s later. */
async function exitCodeOf(kind: Kind, container: Container): Promise<number> {
  const ended = async (): Promise<{ code: number } | undefined> => {
    const { State } = await inspectContainer(machineOf(kind).docker, container.id);
    return State.Running ? undefined : { code: State.ExitCode };
  };
  return (await vi.waitUntil(ended, { timeout: 20_000 })).code;
}

/** What a first try of the same left would not be loaded again. */
async function removed(kind: Kind, reference: string): Promise<void> {
  await machineOf(kind)
    .docker.getImage(reference)
    .remove({ force: true })
    .catch(() => undefined);
}

async function saved(kind: Kind, reference: string): Promise<SavedImage> {
  const own = mkdtempSync(join(folder, "image-"));
  return takeApart(await engineOf(kind).saveImage(reference, signal), own, () => false);
}

/** Loads the image and counts the bytes that it takes. */
async function load(kind: Kind, reference: string, image: SavedImage): Promise<{ id: string; bytes: number }> {
  const layers = image.layers.map(({ digest, sizeBytes }) => ({ digest, sizeBytes }));
  const travelling = { configDigest: image.configDigest, configSizeBytes: image.config.length, layers };
  const manifestDigest = manifestOf(travelling).digest;
  const delivered: DeliveredImage = { ...travelling, manifestDigest, platform: "linux/amd64", tags: [reference] };
  let bytes = 0;
  const files = new Map(image.layers.map(({ digest, file = "" }) => [digest, file]));
  async function* source(digest: string, offset: number): AsyncGenerator<Uint8Array> {
    const pieces =
      digest === image.configDigest ? [image.config] : createReadStream(files.get(digest) ?? "", { start: offset });
    for await (const piece of pieces) {
      bytes += (piece as Buffer).length;
      yield piece as Buffer;
    }
  }
  const own = mkdtempSync(join(folder, "layers-"));
  const port = createLoadImage({ engine: engineOf(kind), folder: own, source: () => source, log: () => undefined });
  const progress: PullProgress[] = [];
  const step = {
    op: "load-image",
    id: "",
    stackId: "",
    cause: "",
    dependsOn: [],
    lock: "",
    reference,
    delivered,
  } as const;
  const { id } = await port({} as never, step, (one) => progress.push(one), signal);
  expect([image.configDigest, manifestDigest]).toContain(id);
  expect(progress.at(-1)).toMatchObject({ bytesDone: progress.at(-1)?.bytesTotal });
  expect(readdirSync(own)).toEqual(["pieces"]);
  return { id, bytes };
}

describe.each(KINDS)("an image built by %s", (kind) => {
  const reference = `built-by-${kind.toLowerCase().replaceAll(/\W/g, "-")}:1`;
  let image: SavedImage;

  test("has what the context and the Dockerfile say, and its output was told", async () => {
    const lines = await build(kind, reference);
    expect(lines.join("\n")).toContain("hello from a step");
    image = await saved(kind, reference);
    const config = JSON.parse(image.config.toString()) as {
      config: { Labels: object };
      rootfs: { diff_ids: string[] };
    };
    expect(config.config.Labels).toMatchObject({ made: "here" });
    expect(image.configDigest).toBe(sha256Digest(image.config));
    expect(image.layers.map(({ digest }) => digest)).toEqual(config.rootfs.diff_ids);
    const container = await machineOf(kind).docker.createContainer({
      Image: reference,
      Cmd: ["sh", "-c", `cat /word; stat -c '%a %u %g %n' "/context/${LONG}" /context/empty; readlink /context/link`],
    });
    await container.start();
    await exitCodeOf(kind, container);
    const output = (await container.logs({ stdout: true, stderr: true })).toString();
    expect(output).toContain("hello");
    expect(output).toMatch(/640 .*file é\.txt/);
    expect(output).toContain("700 0 0 /context/empty");
    await container.remove();
  });

  test.each(KINDS.filter((other) => other !== kind))("runs by %s", async (other) => {
    await removed(other, reference);
    const { id, bytes } = await load(other, reference, image);
    const container = await machineOf(other).docker.createContainer({ Image: reference, Cmd: ["cat", "/word"] });
    expect((await container.inspect()).Image).toBe(id);
    await container.start();
    expect(await exitCodeOf(other, container)).toBe(0);
    await container.remove();
    // The base is there, and the graph driver uses it.
    if (other !== "containerd store") expect(bytes).toBeLessThan(PAYLOAD.length * 2);
    expect(bytes).toBeGreaterThan(PAYLOAD.length);
  });
});

test("layers that are known are not kept, and their sizes are told", async () => {
  const whole = await saved("graph driver", "built-by-graph-driver:1");
  const known = new Set(whole.layers.slice(0, 2).map(({ digest }) => digest));
  const own = mkdtempSync(join(folder, "known-"));
  const archive = await engineOf("graph driver").saveImage("built-by-graph-driver:1", signal);
  const part = await takeApart(archive, own, (digest) => known.has(digest));
  expect(part.layers.map(({ file }) => file !== undefined)).toEqual(
    whole.layers.map(({ digest }) => !known.has(digest)),
  );
  expect(part.layers.map(({ sizeBytes }) => sizeBytes)).toEqual(whole.layers.map(({ sizeBytes }) => sizeBytes));
});

test.each(KINDS)("a step that fails by %s is told in the builder's words", async (kind) => {
  const failing = build(kind, "failing:1", "FROM wf/busybox:1\nRUN echo before the end; exit 3\n");
  await expect(failing).rejects.toThrow(/exit code: 3|non-zero code: 3|exit status 3/);
});

test("a base image of a private registry needs the credentials, and gets them", async () => {
  const { docker } = machineOf("graph driver");
  const base = `${registry.address}/team/base`;
  await docker.getImage("wf/busybox:1").tag({ repo: base, tag: "1" });
  const authconfig = { username: registry.username, password: registry.password, serveraddress: registry.address };
  const pushed = await docker.getImage(`${base}:1`).push({ authconfig });
  await new Promise((resolve) => docker.modem.followProgress(pushed, resolve));
  await docker.getImage(`${base}:1`).remove();
  const from = (credentials: readonly { username: string; password: string; serverAddress: string }[]) =>
    engineOf("graph driver").buildImage(
      {
        reference: "private:1",
        context: writeTar([smallFile("Dockerfile", Buffer.from(`FROM ${base}:1\nRUN true\n`))]),
        dockerfile: "Dockerfile",
        settings: { ...SETTINGS, target: "", arguments: {}, pull: true },
        credentials,
        signal,
      },
      () => undefined,
    );
  await expect(from([])).rejects.toThrow(/unauthorized|authentication|no basic auth|authorization/i);
  const { username, password } = registry;
  await from([{ username, password, serverAddress: registry.address }]);
  expect(await engineOf("graph driver").imageLayers("private:1")).toBeDefined();
});

test("an engine that dies in the middle of a build is told as that", async () => {
  const machine = machineOf("20.10");
  const lines: string[] = [];
  const context = writeTar([smallFile("Dockerfile", Buffer.from("FROM wf/busybox:1\nRUN echo asleep; sleep 60\n"))]);
  const request = { reference: "late:1", context, dockerfile: "Dockerfile", credentials: [], signal };
  const building = engineOf("20.10").buildImage(
    { ...request, settings: { ...SETTINGS, target: "", arguments: {} } },
    (line) => lines.push(line),
  );
  const failed = building.catch((error: unknown) => error);
  await vi.waitUntil(() => lines.includes("asleep"), { timeout: 20_000 });
  await machine.crash();
  expect(await failed).toMatchObject({ name: "EngineError", unreachable: true });
  await machine.restart();
});

test("an image whose layers cannot be had is told as that, and what came stays for the next time", async () => {
  const image = await saved("containerd store", "built-by-containerd-store:1");
  const own = join(folder, "unreachable");
  const layers = image.layers.map(({ digest, sizeBytes }) => ({ digest, sizeBytes }));
  const travelling = { configDigest: image.configDigest, configSizeBytes: image.config.length, layers };
  const delivered = { ...travelling, manifestDigest: manifestOf(travelling).digest, platform: "linux/amd64", tags: [] };
  const engine = engineOf("20.10");
  const port = createLoadImage({ engine, folder: own, source: () => undefined, log: () => undefined });
  const step = {
    op: "load-image",
    id: "",
    stackId: "",
    cause: "",
    dependsOn: [],
    lock: "",
    reference: "x:1",
    delivered,
  } as const;
  await expect(port({} as never, step, () => undefined, signal)).rejects.toThrow(
    "The layers of x:1 come from the control plane, and there is no connection to it.",
  );
  expect(existsSync(join(own, "pieces"))).toBe(true);
});
