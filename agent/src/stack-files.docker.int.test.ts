import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { sha256Digest } from "@windflow/core";
import type { StackFile } from "@windflow/proto/agent";
import { type TestEngine, buildImages, startTestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type AgentOnEngine, createAgentOnEngine } from "./testing/agent-on-engine.ts";
import { stackBody, wantedStack } from "./testing/stack-body.ts";

const run = promisify(execFile);
const PATIENCE = { timeout: 60_000, interval: 50 };

let engine: TestEngine;
let host: AgentOnEngine;

beforeAll(async () => {
  engine = await startTestEngine();
  await buildImages(engine.docker, ["busybox"]);
});
afterAll(async () => engine.stop());
beforeEach(async () => {
  host = await createAgentOnEngine(engine.socketPath, { filesMaxMegabytes: "1" });
  await host.start();
});
afterEach(async () => {
  await host.remove();
  for (const container of await engine.docker.listContainers({ all: true }))
    await engine.docker.getContainer(container.Id).remove({ force: true });
});

type File = Partial<StackFile> & Pick<StackFile, "path">;
const text = (path: string, content: string, over: Partial<StackFile> = {}): File => ({
  path: `/stack/${path}`,
  content: Buffer.from(content),
  ...over,
});
const stored = (path: string, content: Uint8Array, over: Partial<StackFile> = {}): File => {
  const digest = sha256Digest(content);
  host.plane.files.set(digest, content);
  return { path: `/stack/${path}`, digest, sizeBytes: BigInt(content.length), ...over };
};
const bind = (path: string, target: string, readOnly = true): Record<string, unknown> => ({
  type: "bind",
  source: path === "" ? "/stack" : `/stack/${path}`,
  target,
  ...(readOnly ? { read_only: true } : {}),
  bind: { create_host_path: true },
});
const deploy = async (
  n: bigint,
  revision: number,
  files: readonly File[],
  volumes: readonly unknown[],
): Promise<{ refused: string; code: string }> => {
  const body = stackBody({ revision, files, service: { volumes } });
  return host.desire(n, wantedStack({ stackId: "stk_1", revision, bodyDigest: host.plane.putBody(body) }));
};
const containerOf = async (revision: number): Promise<string> =>
  vi.waitUntil(async () => {
    const [only, other] = await engine.docker.listContainers();
    return other === undefined && only?.Labels["dev.windflow.revision"] === String(revision) ? only.Id : undefined;
  }, PATIENCE);
const inside = async (containerId: string | undefined, ...command: readonly string[]): Promise<string> => {
  if (containerId === undefined) throw new Error("there is no container");
  const exec = await engine.docker
    .getContainer(containerId)
    .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: true });
  const stream = await exec.start({ hijack: true, Tty: true });
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts).toString().replaceAll("\r\n", "\n").trim();
};
const stacksDir = (): string => host.config.stacksDir;
const trees = (): string[] => readdirSync(join(stacksDir(), ".trees")).toSorted();
const events = (type: string): string[] =>
  [...host.plane.spools.values()]
    .flat()
    .flatMap((entry) =>
      entry.kind?.$case === "event" && entry.kind.value.type === type ? [entry.kind.value.message] : [],
    );

test("files, folders and links are in the container with their bytes, modes and owners, and people find the source", async () => {
  const large = randomBytes(300_000);
  const files = [
    text("compose.yaml", "services: {}\n"),
    { path: "/stack/conf", folder: true, mode: 0o750, uid: 1000, gid: 1001 },
    text("conf/app.conf", "listen 80;\n", { mode: 0o640, uid: 1000, gid: 1001 }),
    { path: "/stack/conf/link", linkTarget: "app.conf", uid: 7, gid: 7 },
    text("conf/run.sh", "#!/bin/sh\n", { mode: 0o4755 }),
    stored("large.bin", large, { mode: 0o444 }),
  ];
  expect(await deploy(1n, 1, files, [bind("conf", "/etc/app"), bind("large.bin", "/large.bin")])).toMatchObject({
    refused: "",
  });
  const id = await containerOf(1);
  expect(
    await inside(id, "sh", "-c", "cd /etc/app; stat -c '%n %a %u %g' . app.conf run.sh; readlink link; cat link"),
  ).toBe(". 750 1000 1001\napp.conf 640 1000 1001\nrun.sh 4755 0 0\napp.conf\nlisten 80;");
  expect(await inside(id, "sha256sum", "/large.bin")).toContain(createHash("sha256").update(large).digest("hex"));
  const folder = join(stacksDir(), "shop");
  expect(readdirSync(folder).toSorted()).toEqual(["compose.yaml", "conf", "large.bin"]);
  expect(readFileSync(join(folder, "conf/app.conf"), "utf8")).toBe("listen 80;\n");
  expect(statSync(stacksDir()).mode & 0o777).toBe(0o700);

  await host.desire(2n);
  await vi.waitUntil(async () => (await engine.docker.listContainers({ all: true })).length === 0, PATIENCE);
  await host.desire(3n);
  await vi.waitFor(() => {
    expect(trees()).toEqual([]);
    expect(existsSync(folder)).toBe(false);
    expect(readdirSync(join(host.config.stateDir, "files"))).toEqual(["pieces"]);
  }, PATIENCE);
  expect(events("files.kept")).toEqual([]);
});

test("another content recreates what mounts it, going back gives the same bytes, and what containers write stays while the folder is wanted", async () => {
  const volumes = [bind("conf/app.conf", "/etc/app.conf"), bind("data", "/data", false)];
  const files = (content: string, seed: string): File[] => [
    text("conf/app.conf", content),
    text("data/seed", seed),
    text("unused", content),
  ];
  await deploy(1n, 1, files("one\n", "a"), volumes);
  const first = await containerOf(1);
  await inside(first, "sh", "-c", "echo mine > /data/written; echo broken > /data/seed");

  const body = stackBody({ revision: 2, files: files("two\n", "a"), service: { volumes } });
  host.session().send({ $case: "planRequest", value: { requestId: "p1", body, stackId: "", adoptedContainerIds: [] } });
  const plan = await host.frame("planReply", (reply) => reply.requestId === "p1");
  expect(plan.steps.map(({ op, cause }) => `${op}: ${cause}`)).toContain(
    "create-container: the content of ./conf/app.conf changed",
  );

  await deploy(2n, 2, files("two\n", "a"), volumes);
  const second = await containerOf(2);
  expect(await inside(second, "cat", "/etc/app.conf", "/data/written", "/data/seed")).toBe("two\nmine\nbroken");

  await deploy(3n, 3, files("two\n", "b"), volumes);
  const third = await containerOf(3);
  expect(await inside(third, "ls", "/data")).toBe("seed");
  // What the containers of before left is not lost, and somebody hears of it.
  await vi.waitUntil(
    () => existsSync(join(stacksDir(), ".kept")) && readdirSync(join(stacksDir(), ".kept")).length > 0,
    {
      timeout: 90_000,
    },
  );
  const [kept = ""] = readdirSync(join(stacksDir(), ".kept"));
  expect(readFileSync(join(stacksDir(), ".kept", kept, "data/written"), "utf8")).toBe("mine\n");
  await expect.poll(() => events("files.kept").join(), PATIENCE).toContain("changed ./data");

  await deploy(4n, 1, files("one\n", "a"), volumes);
  const again = await containerOf(1);
  expect(await inside(again, "cat", "/etc/app.conf", "/data/seed")).toBe("one\na");
});

test("while the new container is not healthy, the old one goes on with its own files", async () => {
  const volumes = [bind("conf", "/conf")];
  await deploy(1n, 1, [text("conf/app", "old")], volumes);
  const old = await containerOf(1);
  const body = stackBody({
    revision: 2,
    files: [text("conf/app", "new")],
    service: { volumes, healthcheck: { test: ["CMD", "false"], interval: "1s", retries: 600 } },
  });
  await host.desire(2n, wantedStack({ stackId: "stk_1", revision: 2, bodyDigest: host.plane.putBody(body) }));
  const both = await vi.waitUntil(async () => {
    const containers = await engine.docker.listContainers();
    return containers.length === 2 ? containers.map(({ Id }) => Id) : undefined;
  }, PATIENCE);
  expect(await inside(old, "cat", "/conf/app")).toBe("old");
  expect(
    await inside(
      both.find((id) => id !== old),
      "cat",
      "/conf/app",
    ),
  ).toBe("new");
});

test("configs and secrets that are large or no text are copied in from the disk, also by way of a link", async () => {
  const large = randomBytes(700_000);
  const body = stackBody({
    files: [stored("large.bin", large), { path: "/stack/current", linkTarget: "large.bin" }],
    service: {
      configs: [{ source: "app", target: "/etc/app.bin", mode: "0440", uid: "5" }],
      secrets: [{ source: "key", target: "key" }],
    },
    model: {
      configs: { app: { name: "shop_app", file: "/stack/large.bin" } },
      secrets: { key: { name: "shop_key", file: "/stack/current" } },
    },
  });
  await host.desire(1n, wantedStack({ stackId: "stk_1", revision: 1, bodyDigest: host.plane.putBody(body) }));
  const id = await containerOf(1);
  const sum = createHash("sha256").update(large).digest("hex");
  expect(await inside(id, "sha256sum", "/etc/app.bin", "/run/secrets/key")).toBe(
    `${sum}  /etc/app.bin\n${sum}  /run/secrets/key`,
  );
  expect(await inside(id, "stat", "-c", "%a %u %g", "/etc/app.bin")).toBe("440 5 0");
});

test("what somebody removes or changes by hand is put back, and the containers that mount it are started again", async () => {
  const volumes = [bind("html", "/html")];
  await deploy(1n, 1, [text("html/index.html", "hello")], volumes);
  const first = await containerOf(1);
  const tree = (): string => join(stacksDir(), ".trees", trees()[0] ?? "", "html");
  rmSync(join(stacksDir(), ".trees", trees()[0] ?? ""), { recursive: true });
  await engine.docker.getContainer(first).remove({ force: true });
  await vi.waitFor(async () => {
    const [other] = await engine.docker.listContainers();
    expect(other?.Id).not.toBe(first);
    expect(await inside(other?.Id, "cat", "/html/index.html")).toBe("hello");
  }, PATIENCE);

  writeFileSync(join(tree(), "index.html"), "jello");
  // Another generation is looked at at once; otherwise it takes half a minute.
  await host.desire(
    2n,
    wantedStack({ stackId: "stk_1", revision: 1, bodyDigest: [...host.plane.bodies.keys()][0] ?? "" }),
  );
  await vi.waitFor(async () => {
    const [container] = await engine.docker.listContainers();
    expect(await inside(container?.Id, "cat", "/html/index.html")).toBe("hello");
  }, PATIENCE);
  await expect.poll(() => events("files.mended").join(), PATIENCE).toContain("./html of shop was changed");
});

test("a broken link goes on where it was, also after a restart of the agent", async () => {
  const large = randomBytes(200_000);
  host.plane.behaviour.filesBreakAfter = 60_000;
  const body = stackBody({
    files: [stored("large.bin", large)],
    service: { volumes: [bind("large.bin", "/large.bin")] },
  });
  const wanted = wantedStack({ stackId: "stk_1", revision: 1, bodyDigest: host.plane.putBody(body) });
  host.session().send({ $case: "desiredState", value: { generation: { term: 1n, n: 1n }, stacks: [wanted] } });
  // What came in the very moment of the break may be lost with it: the second try, or a later one, begins further on.
  await vi.waitUntil(() => (host.plane.fileOffsets.at(-1) ?? 0) > 0, PATIENCE);
  await host.stopAgent();
  const offset = host.plane.fileOffsets.at(-1) ?? 0;
  host.plane.behaviour.filesBreakAfter = Infinity;
  await host.start();
  expect(await host.desire(1n, wanted)).toMatchObject({ refused: "" });
  expect(host.plane.fileOffsets.at(-1)).toBeGreaterThanOrEqual(offset);
  const id = await containerOf(1);
  expect(await inside(id, "sha256sum", "/large.bin")).toContain(createHash("sha256").update(large).digest("hex"));
});

test("a stack whose files do not fit is refused before anything changes, and others go on", async () => {
  await deploy(1n, 1, [text("a", "one")], [bind("a", "/a")]);
  const first = await containerOf(1);
  const huge = stackBody({
    revision: 2,
    files: [stored("huge.bin", randomBytes(1_100_000))],
    service: { volumes: [bind("huge.bin", "/huge.bin")] },
  });
  const other = stackBody({ stackId: "stk_2", stackName: "other" });
  const reply = await host.desire(
    2n,
    wantedStack({ stackId: "stk_1", revision: 2, bodyDigest: host.plane.putBody(huge) }),
    wantedStack({ stackId: "stk_2", revision: 1, bodyDigest: host.plane.putBody(other) }),
  );
  expect(reply).toMatchObject({
    code: "WF_FILES_NO_ROOM",
    refused: expect.stringContaining("--files-max-mb") as string,
  });
  const again = { stackId: "stk_1", revision: 2, bodyDigest: host.plane.putBody(huge) };
  expect(await host.desire(3n, wantedStack(again))).toMatchObject({ refused: "" });
  // Whoever deploys it once more hears it once more.
  expect(await host.desire(4n, wantedStack({ ...again, attempt: "rol_2" }))).toMatchObject({
    code: "WF_FILES_NO_ROOM",
  });
  await host.desire(
    5n,
    wantedStack(again),
    wantedStack({ stackId: "stk_2", revision: 1, bodyDigest: sha256Digest(other) }),
  );
  await vi.waitUntil(async () => (await engine.docker.listContainers()).length === 2, PATIENCE);
  expect((await engine.docker.listContainers()).map(({ Id }) => Id)).toContain(first);
  expect(host.plane.fileOffsets).toEqual([]);
});

test("a file that the control plane has not, and a mount of nothing, are refused by name", async () => {
  const nothing = { path: "/stack/gone", digest: sha256Digest(Buffer.from("gone")), sizeBytes: 4n };
  expect(await deploy(1n, 1, [nothing], [bind("gone", "/gone")])).toMatchObject({ code: "WF_FILES_UNAVAILABLE" });
  expect(await deploy(2n, 2, [text("a", "a")], [bind("b", "/b")])).toMatchObject({
    code: "WF_FILES_UNAVAILABLE",
    refused: expect.stringContaining("it mounts ./b, and the revision has no file or folder there") as string,
  });
  const link = { path: "/stack/conf/passwd", linkTarget: "../../etc/passwd" };
  expect(await deploy(3n, 3, [link], [bind("conf", "/conf")])).toMatchObject({ code: "WF_BODY_INVALID" });
  expect(await engine.docker.listContainers({ all: true })).toEqual([]);
});

test("planning needs no file's content", async () => {
  await host.desire(1n);
  const file = stored("large.bin", randomBytes(100_000));
  const body = stackBody({ files: [file], service: { volumes: [bind("large.bin", "/large.bin")] } });
  host.session().send({ $case: "planRequest", value: { requestId: "p1", body, stackId: "", adoptedContainerIds: [] } });
  expect(await host.frame("planReply")).toMatchObject({
    problem: "",
    text: expect.stringContaining("create-container") as string,
  });
  expect(host.plane.fileOffsets).toEqual([]);
  expect(existsSync(join(stacksDir(), "shop"))).toBe(false);
});

async function compose(folder: string, ...args: string[]): Promise<string> {
  const environment = { ...engine.programs.environment(process.env), DOCKER_HOST: `unix://${engine.socketPath}` };
  const program = join(engine.programs.pluginFolder, "docker-compose");
  const { stdout, stderr } = await run(program, args, { cwd: folder, env: environment });
  return stdout + stderr;
}

test("docker compose in the stack's folder recreates nothing, and lists its files", async () => {
  const written = `
name: shop
services:
  web:
    image: wf/busybox:1
    command: ["sleep", "3600"]
    init: true
    volumes: ["./conf:/etc/app:ro", "./data:/data", ".:/all:ro"]
    env_file: [web.env]
  side:
    image: wf/busybox:1
    command: ["sleep", "3600"]
    init: true
    volumes: ["./side.conf:/side.conf:ro"]
`;
  const scratch = join(host.config.stateDir, "scratch");
  const sourceOf = (conf: string): Record<string, string> => ({
    "compose.yaml": written,
    "web.env": "COLOUR=blue\n",
    "conf/app.conf": conf,
    "data/.keep": "",
    "side.conf": "side",
  });
  const bodyOf = async (revision: number, conf: string): Promise<Uint8Array> => {
    const source = sourceOf(conf);
    await run("mkdir", ["-p", join(scratch, "conf"), join(scratch, "data")]);
    for (const [path, content] of Object.entries(source)) writeFileSync(join(scratch, path), content);
    const json = (await compose(scratch, "config", "--format", "json"))
      .replaceAll("$$", "$")
      .replaceAll(scratch, "/stack");
    const files = Object.entries(source).map(([path, content]) => text(path, content));
    const { name: _name, ...model } = JSON.parse(json) as Record<string, unknown>;
    return stackBody({ revision, files, model, composeFiles: ["/stack/compose.yaml"] });
  };
  const ids = async (): Promise<string[]> =>
    (await engine.docker.listContainers({ all: true })).map(({ Id }) => Id).toSorted();

  const body = await bodyOf(1, "one");
  await host.desire(1n, wantedStack({ stackId: "stk_1", revision: 1, bodyDigest: host.plane.putBody(body) }));
  await vi.waitUntil(() => host.observed()?.stacks[0]?.converged === true, PATIENCE);
  const before = await ids();
  expect(before).toHaveLength(2);
  const folder = join(stacksDir(), "shop");
  expect(await compose(folder, "ls")).toMatch(new RegExp(`shop\\s+running\\(2\\)\\s+${folder}/compose.yaml`));
  expect(await compose(folder, "-p", "shop", "up", "-d")).not.toMatch(/Recreate|Created/);
  expect(await ids()).toEqual(before);

  // The whole folder is mounted by web, so a change of ./conf is a change of . too; side has nothing of it.
  const next = await bodyOf(2, "two");
  await host.desire(2n, wantedStack({ stackId: "stk_1", revision: 2, bodyDigest: host.plane.putBody(next) }));
  await containerCount(before, 1);
  expect(await compose(folder, "-p", "shop", "up", "-d")).not.toMatch(/Recreate|Created/);
  expect(readFileSync(join(folder, "conf/app.conf"), "utf8")).toBe("two");

  async function containerCount(old: readonly string[], kept: number): Promise<void> {
    await vi.waitFor(async () => {
      const now = await ids();
      expect(now).toHaveLength(old.length);
      expect(now.filter((id) => old.includes(id))).toHaveLength(kept);
      expect(host.observed()?.stacks[0]).toMatchObject({ revision: 2, converged: true });
    }, PATIENCE);
  }
});
