import { createHash, generateKeyPairSync } from "node:crypto";
import { chmod, copyFile, mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { type ControlPlane, type Program, openApi, startControlPlane } from "@windflow/installer";
import { developmentKey, signChecksums } from "@windflow/installer/build";
import {
  type Fleet,
  type FleetHost,
  buildImages,
  builtAgent,
  createFleet,
  olderAgent,
  repositoryRoot,
} from "@windflow/e2e/testbed";
import type { AgentUpdate, AgentUpdateHost, ApiClient } from "@windflow/proto/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { deploy, idleStack } from "./installation/stacks.ts";

const PORT = 8443;
const AGENT = `windflow-agent-linux-${process.arch}`;
// Enrolling and the first session, on a loaded machine.
const ONLINE_TIMEOUT_MS = 60_000;
// Three waves, each with 34 MB for a host, two starts and ten seconds of proof.
const UPDATE_TIMEOUT_MS = 180_000;

/** A host with an agent in two slots, as install.sh lays it out. */
interface SlottedHost {
  readonly host: FleetHost;
  readonly hostId: string;
  readonly slots: string;
  readonly launcher: Program;
}

describe("a fleet whose agents are updated", () => {
  let fleet: Fleet;
  let releases: string;
  let controlPlane: ControlPlane;
  let api: ApiClient;
  let organization: string;
  let hosts: readonly SlottedHost[];

  beforeAll(async () => {
    fleet = await createFleet({ hosts: 3 });
    releases = join(fleet.server.folder, "releases");
    await writeRelease("0.2.0", await readFile(await builtAgent({ version: "0.2.0" })));
    await writeRelease("0.3.0", crashing("0.3.0"));
    await writeRelease("0.4.0", crashing("0.4.0"), generateKeyPairSync("ed25519").privateKey);
    controlPlane = await startControlPlane({
      root: repositoryRoot,
      stateFolder: join(fleet.server.folder, "state"),
      address: fleet.serverAddress,
      port: PORT,
      names: [fleet.serverAddress, "server"],
      uiFolder: "",
      logFile: join(fleet.server.folder, "control-plane.log"),
      env: { WINDFLOW_INSTALL: ["0.2.0", "0.3.0", "0.4.0"].map((version) => join(releases, version)).join(",") },
      start: (command, { logFile, env }) => fleet.server.run(command, { logFile, env }),
    });
    organization = controlPlane.credential.organizationId;
    const { url, roots, credential } = controlPlane;
    api = openApi({ url, roots, token: credential.token, organization });
    const program = await builtAgent({ version: "0.1.0" });
    const made: SlottedHost[] = [];
    for (const host of fleet.hosts) made.push(await install(host, program));
    hosts = made;
    await Promise.all(fleet.hosts.map(({ engine }) => buildImages(engine.docker, ["busybox"])));
  });
  afterAll(() => fleet?.remove());

  async function writeRelease(version: string, program: Uint8Array, key = developmentKey()): Promise<void> {
    const folder = join(releases, version);
    await mkdir(folder, { recursive: true });
    const note = {
      version,
      commit: "testbed",
      channel: "DEV",
      protocolMin: 1,
      protocolMax: 1,
      releasedAt: "2026-11-01T00:00:00Z",
    };
    const files = new Map<string, Uint8Array>([
      [AGENT, program],
      [`${AGENT}.zst`, zstdCompressSync(program)],
      ["release.json", Buffer.from(JSON.stringify(note))],
    ]);
    for (const [name, content] of files) await writeFile(join(folder, name), content);
    const sums = Buffer.from(
      [...files].map(([name, content]) => `${createHash("sha256").update(content).digest("hex")}  ${name}\n`).join(""),
    );
    await writeFile(join(folder, "SHA256SUMS"), sums);
    await writeFile(join(folder, "SHA256SUMS.sig"), signChecksums(sums, key));
  }

  async function tokenFor({ machine, name }: FleetHost): Promise<string[]> {
    const { secret = "" } = await api.enrollmentTokens.createEnrollmentToken({
      organization,
      labels: { name, site: "test" },
    });
    const tokenFile = join(machine.folder, "token");
    await writeFile(tokenFile, secret, { mode: 0o600 });
    const caSha256 = createHash("sha256").update(controlPlane.roots).digest("hex");
    return ["--server", controlPlane.url, "--ca-sha256", caSha256, "--token-file", tokenFile];
  }

  const settings = ({ machine, engine }: FleetHost): string[] => [
    "--state-dir",
    join(machine.folder, "agent"),
    "--docker-host",
    `unix://${engine.socketPath}`,
  ];
  const hostIdOf = async (name: string): Promise<string> => {
    const { hosts: listed = [] } = await api.hosts.listHosts({ organization, filter: `name=${name}` });
    return listed[0]?.id ?? "";
  };

  async function install(host: FleetHost, program: string): Promise<SlottedHost> {
    const slots = join(host.machine.folder, "slots");
    for (const slot of ["a", "b"]) await mkdir(join(slots, slot), { recursive: true });
    await copyFile(program, join(slots, "a/windflow-agent"));
    await copyFile(join(repositoryRoot, "installer/launch.sh"), join(slots, "launch"));
    for (const path of ["a/windflow-agent", "launch"]) await chmod(join(slots, path), 0o755);
    await symlink("a", join(slots, "current"));
    await host.machine.exec([join(slots, "a/windflow-agent"), "enroll", ...(await tokenFor(host)), ...settings(host)]);
    const logFile = join(host.machine.folder, "agent.log");
    const launcher = await host.machine.run([join(slots, "launch"), "run", ...settings(host)], { logFile });
    return { host, hostId: await hostIdOf(host.name), slots, launcher };
  }

  const versions = async (): Promise<string[]> => {
    const { hosts: listed = [] } = await api.hosts.listHosts({ organization });
    return listed.map(({ agentVersion, presence }) => `${agentVersion} ${presence}`);
  };
  const all = (version: string): string[] => hosts.map(() => `${version} PRESENCE_ONLINE`);
  const untilAll = (version: string): Promise<string[]> =>
    eventually(`${version} everywhere`, ONLINE_TIMEOUT_MS, versions, (seen) => seen.join() === all(version).join());

  async function update(version: string): Promise<{ readonly update: AgentUpdate; readonly hosts: AgentUpdateHost[] }> {
    const { releases: known = [] } = await api.agentUpdates.listAgentReleases({ organization });
    const release = known.find((one) => one.version === version);
    const { id: updateId = "" } = await api.agentUpdates.createAgentUpdate({
      organization,
      releaseId: release?.id ?? "",
      strategy: { waves: [{ name: "one host", hosts: 1 }], healthGate: { stableSeconds: 1 } },
    });
    const ended = await eventually(
      `the update to ${version} has ended`,
      UPDATE_TIMEOUT_MS,
      () => api.agentUpdates.getAgentUpdate({ organization, updateId }),
      ({ endedAt }) => endedAt !== undefined,
    );
    const { hosts: told = [] } = await api.agentUpdates.listAgentUpdateHosts({ organization, updateId });
    return { update: ended, hosts: told };
  }

  it("runs the executable of a release, and a stack", async () => {
    await untilAll("0.1.0");
    expect(await deploy({ api, organization }, "shop", idleStack({ web: "1" }))).toMatchObject({ hostsSucceeded: 3 });
  });

  it("becomes another release host by host, and its containers are those of before", async () => {
    const before = await Promise.all(hosts.map(containerIds));
    const { update: ended } = await update("0.2.0");
    expect(ended).toMatchObject({ state: "STATE_SUCCEEDED", hostsSucceeded: 3 });
    await untilAll("0.2.0");
    expect(await Promise.all(hosts.map(containerIds))).toEqual(before);
    for (const { slots } of hosts) expect(await readlink(join(slots, "current"))).toBe("b");
  });

  it("stays what it is when the next one crashes, and says so", async () => {
    const { update: ended, hosts: told } = await update("0.3.0");
    expect(ended).toMatchObject({ state: "STATE_FAILED", hostsFailed: 1 });
    const failed = told.find(({ state }) => state === "STATE_REVERTED");
    expect(failed?.cause).toMatch(/The agent 0\.3\.0 ended 3 times .* with code 7 .* 0\.2\.0 is back/);
    await untilAll("0.2.0");
  });

  it("stays what it is when the next one is not signed by the key that its agents trust", async () => {
    const { update: ended, hosts: told } = await update("0.4.0");
    expect(ended).toMatchObject({ state: "STATE_FAILED", hostsFailed: 1 });
    expect(told.find(({ state }) => state === "STATE_REFUSED")?.cause).toContain("is not signed by the DEV key");
    await untilAll("0.2.0");
  });

  it("goes back where root asks for it, without a control plane's word", async () => {
    const [first] = hosts;
    if (first === undefined) throw new Error("there is no host");
    const program = join(first.slots, "current/windflow-agent");
    // What was undone is not kept as a way back.
    const refused = first.host.machine.exec([program, "update", "--revert", ...settings(first.host)]);
    const other = hosts[2];
    if (other === undefined) throw new Error("there is no third host");
    await expect(refused).rejects.toThrow("keeps no agent before this one");
    const said = await other.host.machine.exec([
      join(other.slots, "current/windflow-agent"),
      "update",
      "--revert",
      ...settings(other.host),
    ]);
    expect(said).toContain("goes back from 0.2.0 to 0.1.0");
    await eventually(
      "one host runs 0.1.0",
      ONLINE_TIMEOUT_MS,
      async () => (await api.hosts.getHost({ organization, hostId: other.hostId })).agentVersion ?? "",
      (version) => version === "0.1.0",
    );
    await eventually(
      "it is proven",
      ONLINE_TIMEOUT_MS,
      () => readlink(join(other.slots, "current")),
      (slot) => slot === "a",
    );
  });

  it("is served by this control plane also where the agent is one version older, whose state and this one's are the same", async () => {
    const older = await olderAgent();
    const [first] = hosts;
    if (first === undefined || older === undefined) return;
    await first.launcher.stop();
    const { machine } = first.host;
    const logFile = join(machine.folder, "older.log");
    const before = await containerIds(first);
    // It reads what the newer one wrote, and takes what is wanted now.
    const running = await machine.run([process.execPath, older, "run", ...settings(first.host)], { logFile });
    const version = async (): Promise<string> => {
      const { agentVersion, presence } = await api.hosts.getHost({ organization, hostId: first.hostId });
      return `${agentVersion} ${presence}`;
    };
    await eventually("the older agent is online", ONLINE_TIMEOUT_MS, version, (is) => is === "0.0.9 PRESENCE_ONLINE");
    expect(await containerIds(first)).toEqual(before);
    await deploy({ api, organization }, "shop", idleStack({ web: "2" }));
    const changed = await containerIds(first);
    expect(changed).not.toEqual(before);
    await running.stop();
    // And the newer one what that wrote.
    await machine.run([join(first.slots, "launch"), "run", ...settings(first.host)], { logFile });
    await eventually("the newer agent is online", ONLINE_TIMEOUT_MS, version, (is) => is === "0.2.0 PRESENCE_ONLINE");
    expect(await containerIds(first)).toEqual(changed);
    const output = await readFile(logFile, "utf8");
    expect(output).not.toMatch(/WF_STATE_UNREADABLE|WF_BODY_INVALID|cannot be read/);
  });
});

function crashing(version: string): Buffer {
  return Buffer.from(`#!/bin/sh
case $1 in
--version) echo "windflow-agent ${version} (commit testbed, DEV)" ;;
self-test) ;;
*) exit 7 ;;
esac
`);
}

async function containerIds({ host }: SlottedHost): Promise<string[]> {
  const listed = await host.engine.docker.listContainers();
  return listed.map(({ Id }) => Id).toSorted();
}
