import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "@windflow/installer";
import type { Build, StackSource } from "@windflow/proto/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { type Installation, type InstalledHost, createInstallation } from "./installation/installation.ts";
import { containersOf, end } from "./installation/stacks.ts";

const BUILD_TIMEOUT_MS = 60_000;
const IDLE = `["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $$!; done"]`;
const COMPOSE = `services:
  web:
    build:
      context: ./app
      args: {GREETING: hello}
    command: ${IDLE}
    stop_grace_period: 1s
`;
const DOCKERFILE = `FROM wf/busybox:1
ARG GREETING
COPY . /app
RUN echo "$GREETING from the build" && echo "$GREETING" > /greeting
`;
// Random, so that no compression makes it small on its way; of the base, 2 MB, nothing may travel.
const PAYLOAD = randomBytes(300_000);
const BASE_BYTES = 2_000_000;

describe("a service that is built on one host and runs on three, with no registry", () => {
  let installation: Installation;
  let builder: InstalledHost;
  let other: InstalledHost;
  let snapshotter: InstalledHost;
  let stackId: string;
  let payloadDigest: string;

  beforeAll(async () => {
    installation = await createInstallation([{}, {}, { containerdSnapshotter: true }]);
    [builder, other, snapshotter] = installation.hosts as unknown as [InstalledHost, InstalledHost, InstalledHost];
    const { organization, api } = installation;
    const stack = await api.stacks.createStack({
      organization,
      name: "shop",
      placement: { matchLabels: { site: "test" } },
    });
    stackId = stack.id ?? "";
    payloadDigest = `sha256:${createHash("sha256").update(PAYLOAD).digest("hex")}`;
    await api.files.putFileChunk({
      organization,
      digest: payloadDigest,
      sizeBytes: String(PAYLOAD.length),
      offset: "0",
      content: PAYLOAD.toString("base64"),
    });
  });
  afterAll(() => installation?.remove());

  const source = (dockerfile = DOCKERFILE): StackSource => ({
    files: {
      "compose.yaml": COMPOSE,
      "app/Dockerfile": dockerfile,
      "app/.dockerignore": "*.md\n",
      "app/notes.md": "not for the image",
    },
    attachments: [{ path: "app/payload.bin", digest: payloadDigest, mode: 0o640 }],
  });
  const start = (from: StackSource, hostId = builder.hostId): Promise<Build> => {
    const { organization, api } = installation;
    return api.builds.startBuild({ organization, stackId, source: from, hostId });
  };
  const ended = (build: Build): Promise<Build> => {
    const { organization, api } = installation;
    return eventually(
      "the build ends",
      BUILD_TIMEOUT_MS,
      () => api.builds.getBuild({ organization, buildId: build.id ?? "" }),
      ({ state = "" }) => !["STATE_PENDING", "STATE_RUNNING"].includes(state),
    );
  };
  const outputOf = async (build: Build): Promise<string> => {
    const { organization, api } = installation;
    const lines: string[] = [];
    for await (const { message } of api.builds.watchBuild({ organization, buildId: build.id ?? "" }, {}))
      if (message.build === undefined) lines.push(message.line ?? "");
    return lines.join("\n");
  };
  /** Until a step of a build, that sleeps for so many seconds, runs on the host that builds, or runs no more. */
  const untilAsleep = (seconds: number, wanted: boolean): Promise<boolean> =>
    eventually(
      wanted ? "the step runs" : "the step is ended",
      BUILD_TIMEOUT_MS,
      async () => Number(await builder.host.exec(["sh", "-c", `ps ax | grep -c '[s]leep ${seconds}' || true`])) > 0,
      (asleep) => asleep === wanted,
    );
  const receivedBytes = async ({ host }: InstalledHost): Promise<number> => {
    const text = await host.exec(["cat", "/proc/net/dev"]);
    const rows = text.split("\n").filter((row) => /^\s*(?!lo:|docker|br-|veth)\w+:/.test(row));
    return rows.reduce((sum, row) => sum + Number(row.trim().split(/:?\s+/)[1] ?? 0), 0);
  };

  it("is refused as a revision until it is built, with the service and what to do", async () => {
    const { organization, api } = installation;
    await expect(api.stacks.createRevision({ organization, stackId, source: source() })).rejects.toMatchObject({
      code: "WF_BUILD_NEEDED",
    });
    const plan = await api.stacks.planStack({ organization, stackId, source: source() });
    expect(plan.problems).toMatchObject([
      { code: "WF_BUILD_NEEDED", keyPath: expect.stringContaining("services.web") },
    ]);
  });

  it("shows its output live, and is built once for the same source", async () => {
    const build = await start(source());
    const output = await outputOf(build);
    const done = await ended(build);
    expect(done, output).toMatchObject({ state: "STATE_SUCCEEDED", platform: "linux/amd64", hostName: "host1" });
    expect(output).toContain("hello from the build");
    expect(output).toContain("COPY . /app");
    const again = await start(source());
    expect(again).toMatchObject({ state: "STATE_SUCCEEDED", services: [{ service: "web", reused: true }] });
    expect(
      existsSync(join(builder.host.machine.folder, "agent", "builds"))
        ? readdirSync(join(builder.host.machine.folder, "agent", "builds"))
        : [],
    ).toEqual([]);
  });

  it("runs everywhere; a host gets the layers that it lacks and no others", async () => {
    const { organization, api } = installation;
    const revision = await api.stacks.createRevision({ organization, stackId, source: source() });
    expect(revision.builtServices).toEqual(["web"]);
    const before = await receivedBytes(other);
    const { id = "" } = await api.rollouts.createRollout({ organization, stackId, revision: revision.number });
    const rollout = await end(installation, id);
    expect(rollout, JSON.stringify(rollout.hosts)).toMatchObject({ state: "STATE_SUCCEEDED", hostsSucceeded: 3 });
    const bytes = (await receivedBytes(other)) - before;
    console.log(`builds: ${bytes} bytes came to a host with the base, for layers of ${PAYLOAD.length} bytes and more`);
    expect(bytes).toBeGreaterThan(PAYLOAD.length);
    expect(bytes).toBeLessThan(BASE_BYTES);
    for (const installed of [builder, other, snapshotter]) {
      const { web = "" } = await containersOf(installed, "shop");
      const shown = await installed.host.engine.docker.getContainer(web).inspect();
      const image = await installed.host.engine.docker.getImage("shop-web").inspect();
      expect(shown.Image).toBe(image.Id);
      const listed = await run(join(installed.host.engine.programs.binFolder, "docker"), [
        "-H",
        `unix://${installed.host.engine.socketPath}`,
        "exec",
        web,
        "ls",
        "-l",
        "/app",
      ]);
      expect(listed).toMatch(/-rw-r-----.*payload\.bin/);
      expect(listed).not.toContain("notes.md");
      const left = join(installed.host.machine.folder, "agent", "layers");
      expect(existsSync(left) ? readdirSync(left).filter((name) => name !== "pieces") : []).toEqual([]);
    }
  });

  it("docker compose up in the stack's folder builds nothing and recreates nothing", async () => {
    for (const installed of [other, snapshotter]) {
      const { host } = installed;
      const before = await containersOf(installed, "shop");
      const images = await host.engine.docker.listImages();
      await run(join(host.engine.programs.pluginFolder, "docker-compose"), ["-p", "shop", "up", "-d"], {
        cwd: join(host.machine.folder, "agent", "stacks", "shop"),
        env: { ...process.env, DOCKER_HOST: `unix://${host.engine.socketPath}` },
      });
      expect(await containersOf(installed, "shop")).toEqual(before);
      expect((await host.engine.docker.listImages()).map(({ Id }) => Id)).toEqual(images.map(({ Id }) => Id));
    }
  });

  it("fails with its output and its cause, and changes nothing else", async () => {
    const before = await containersOf(other, "shop");
    const failing = await start(source(`${DOCKERFILE}RUN echo about to fail; exit 7\n`));
    const output = await outputOf(failing);
    const failed = await ended(failing);
    expect(failed).toMatchObject({ state: "STATE_FAILED", cause: expect.stringMatching(/web: .*exit code: 7/) });
    expect(output).toContain("about to fail");
    const wrongBase = await ended(await start(source("FROM nowhere.invalid/base:1\n")));
    expect(wrongBase).toMatchObject({
      state: "STATE_FAILED",
      cause: expect.stringContaining("nowhere.invalid/base:1"),
    });
    expect(await containersOf(other, "shop")).toEqual(before);
  });

  it("is cancelled on the engine, and one build of a stack runs at a time", async () => {
    const { organization, api } = installation;
    const slow = await start(source(`${DOCKERFILE}RUN echo sleeping; sleep 987\n`));
    await untilAsleep(987, true);
    await expect(start(source("FROM wf/busybox:1\n"))).rejects.toMatchObject({ code: "WF_BUILD_UNDER_WAY" });
    const cancelled = await api.builds.cancelBuild({ organization, buildId: slow.id ?? "" });
    expect(cancelled).toMatchObject({ state: "STATE_CANCELLED" });
    await untilAsleep(987, false);
  });

  it("fails with a clear cause when the control plane dies, which ends it on the engine", async () => {
    const slow = await start(source(`${DOCKERFILE}RUN echo sleeping; sleep 986\n`));
    await untilAsleep(986, true);
    await installation.killControlPlane();
    await untilAsleep(986, false);
    await installation.startControlPlane();
    // As long as the lease of the one that died.
    expect(await ended(slow)).toMatchObject({
      state: "STATE_FAILED",
      cause: expect.stringContaining("The control plane that led this build stopped in the middle of it."),
    });
  });

  it("fails with a clear cause when the agent dies, leaves nothing, and is taken up by the next build", async () => {
    const slow = await start(source(`${DOCKERFILE}RUN echo sleeping; sleep 988\n`));
    await untilAsleep(988, true);
    await builder.agent.kill();
    const failed = await ended(slow);
    expect(failed).toMatchObject({ state: "STATE_FAILED", cause: expect.stringMatching(/host/i) });
    await builder.startAgent();
    const folder = join(builder.host.machine.folder, "agent", "builds");
    await eventually(
      "its folder is removed",
      BUILD_TIMEOUT_MS,
      async () => existsSync(folder),
      (there) => !there,
    );
    const { organization, api } = installation;
    await eventually(
      "the host is back",
      BUILD_TIMEOUT_MS,
      () => api.hosts.getHost({ organization, hostId: builder.hostId }),
      ({ presence }) => presence === "PRESENCE_ONLINE",
    );
    const next = await eventually(
      "another build is done",
      BUILD_TIMEOUT_MS,
      async () => ended(await start(source(`${DOCKERFILE}RUN echo next\n`))),
      ({ state }) => state === "STATE_SUCCEEDED",
    );
    expect(next.state).toBe("STATE_SUCCEEDED");
  });
});
