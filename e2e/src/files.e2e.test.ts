import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { StackSource } from "@windflow/proto/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { type Installation, type InstalledHost, createInstallation } from "./installation/installation.ts";
import { containersOf, end } from "./installation/stacks.ts";

const run = promisify(execFile);
const IDLE = `["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $$!; done"]`;
const COMPOSE = `services:
  web:
    image: wf/busybox:1
    command: ${IDLE}
    stop_grace_period: 1s
    environment: {COLOUR: "\${COLOUR}"}
    volumes: ["./conf:/conf:ro", "./photo.bin:/photo.bin:ro"]
    configs: [{source: photo, target: /etc/photo, mode: 0440, uid: "101"}, {source: site, target: /etc/site}]
  other:
    image: wf/busybox:1
    command: ${IDLE}
    stop_grace_period: 1s
configs:
  photo: {file: ./photo.bin}
  site: {file: ./conf/site.conf}
`;
// Random, and larger than what comes along in a body.
const PHOTO = randomBytes(3_000_000);
const CONNECT_TIMEOUT_MS = 20_000;
const MIB = 1024 * 1024;

describe("a stack with files of its own", () => {
  let installation: Installation;
  let host: InstalledHost;
  let stackId: string;
  const digest = `sha256:${createHash("sha256").update(PHOTO).digest("hex")}`;

  beforeAll(async () => {
    installation = await createInstallation([{}]);
    [host] = installation.hosts as unknown as [InstalledHost];
    const { organization, api } = installation;
    for (let offset = 0; offset < PHOTO.length; offset += MIB) {
      const content = PHOTO.subarray(offset, offset + MIB).toString("base64");
      const piece = { digest, sizeBytes: String(PHOTO.length), offset: String(offset), content };
      await api.files.putFileChunk({ organization, ...piece });
    }
    const placement = { matchLabels: { site: "test" } };
    stackId = (await api.stacks.createStack({ organization, name: "shop", placement })).id ?? "";
  });
  afterAll(() => installation?.remove());

  const source = (site: string): StackSource => ({
    files: { "compose.yaml": COMPOSE, "conf/site.conf": site },
    variables: [{ name: "COLOUR", value: "light 'blue'" }],
    attachments: [
      { path: "photo.bin", digest, mode: 0o640, uid: 101, gid: 102 },
      { path: "conf/photo", linkTarget: "site.conf" },
      { path: "conf/private", folder: true, mode: 0o700, uid: 101 },
    ],
  });
  async function roll(site: string): Promise<Record<string, string>> {
    const { organization, api } = installation;
    const { number } = await api.stacks.createRevision({ organization, stackId, source: source(site) });
    return rollOut(number ?? 0);
  }
  async function rollOut(revision: number): Promise<Record<string, string>> {
    const { organization, api } = installation;
    const { id = "" } = await api.rollouts.createRollout({ organization, stackId, revision });
    expect(await end(installation, id)).toMatchObject({ state: "STATE_SUCCEEDED" });
    return containersOf(host, "shop");
  }
  const inside = async (container: string | undefined, command: string): Promise<string> => {
    const { programs, socketPath } = host.host.engine;
    const env = { ...programs.environment(process.env), DOCKER_HOST: `unix://${socketPath}` };
    const program = join(programs.binFolder, "docker");
    return (await run(program, ["exec", container ?? "", "sh", "-c", command], { env })).stdout.trim();
  };

  it("is planned by the host before anything of it is stored or fetched", async () => {
    const { organization, api } = installation;
    const { hosts = [], problems } = await eventually(
      "the host is asked",
      CONNECT_TIMEOUT_MS,
      () => api.stacks.planStack({ organization, stackId, source: source("one") }),
      (plan) => (plan.hosts?.[0]?.notReached ?? "") === "",
    );
    expect(problems ?? []).toEqual([]);
    expect(hosts[0]?.text).toContain("create-container shop-web-1");
  });

  let first: Record<string, string>;
  it("mounts them with their modes, owners and links, exact to the byte", async () => {
    first = await roll("one");
    const web = first["web"];
    expect(await inside(web, "sha256sum /photo.bin")).toContain(digest.slice("sha256:".length));
    expect(await inside(web, "stat -c '%a %u %g' /photo.bin /conf/private /conf/site.conf")).toBe(
      "640 101 102\n700 101 0\n644 0 0",
    );
    expect(await inside(web, "sha256sum < /etc/photo; cat /etc/site")).toBe(
      `${digest.slice("sha256:".length)}  -\none`,
    );
    expect(await inside(web, "cat /conf/photo; readlink /conf/photo")).toBe("onesite.conf");
    await expect(inside(web, "echo x > /conf/site.conf")).rejects.toThrow("Read-only file system");
  });

  it("is known to docker compose by its folder: up recreates nothing", async () => {
    const { programs, socketPath, docker } = host.host.engine;
    const labels = (await docker.getContainer(first["web"] ?? "").inspect()).Config.Labels;
    const folder = labels["com.docker.compose.project.working_dir"] ?? "";
    expect(await readdir(folder)).toEqual([".env", "compose.yaml", "conf", "photo.bin"]);
    const env = { ...programs.environment({ PATH: "/usr/bin:/bin" }), DOCKER_HOST: `unix://${socketPath}` };
    await run(join(programs.pluginFolder, "docker-compose"), ["up", "-d"], { cwd: folder, env });
    expect(await containersOf(host, "shop")).toEqual(first);
  });

  it("replaces what mounts a changed file, and that alone; the way back brings the old bytes", async () => {
    const second = await roll("two");
    expect(second["other"]).toBe(first["other"]);
    expect(second["web"]).not.toBe(first["web"]);
    expect(await inside(second["web"], "cat /conf/site.conf")).toBe("two");
    const back = await rollOut(1);
    expect(back["other"]).toBe(first["other"]);
    expect(await inside(back["web"], "cat /conf/site.conf; sha256sum /photo.bin")).toContain("one");
  });
});
