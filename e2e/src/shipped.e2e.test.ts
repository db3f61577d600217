import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  checksumsOf,
  developmentKey,
  makeAgentImage,
  makeControlPlaneImage,
  signChecksums,
} from "@windflow/installer/build";
import { type Program, trustingFetch } from "@windflow/installer";
import {
  type Fleet,
  type FleetHost,
  buildImages,
  builtAgent,
  builtControlPlane,
  cacheFolder,
  createFleet,
  imageBase,
  repositoryRoot,
  testbedFacts,
} from "@windflow/e2e/testbed";
import type { Host } from "@windflow/proto/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { deploy, idleStack } from "./installation/stacks.ts";
import { type BareRoot, makeBareRoot } from "./shipped/bare-root.ts";
import { type SignedIn, signIn, signInFirst } from "./shipped/first-sign-in.ts";

// initdb, unpacking and migrations; the rest is for a loaded machine.
const UP_TIMEOUT_MS = 120_000;
const ONLINE_TIMEOUT_MS = 60_000;
const PORT = 8443;
const PASSWORD = "a long enough password";
const ARCH = process.arch === "arm64" ? "arm64" : "x64";
const AGENT = `windflow-agent-linux-${ARCH}`;

describe("what is shipped, where nothing of the project is", () => {
  let fleet: Fleet;
  let withProgram: FleetHost;
  let withContainer: FleetHost;
  let root: BareRoot;
  let controlPlane: Program;
  let signedIn: SignedIn;
  let url: string;
  let roots: string;
  let images: string;

  beforeAll(async () => {
    [fleet, images] = [await createFleet({ hosts: [{}, { release: "20.10" }] }), join(cacheFolder, "images/shipped")];
    [withProgram, withContainer] = fleet.hosts as [FleetHost, FleetHost];
    url = `https://${fleet.serverAddress}:${PORT}`;
    root = await makeBareRoot(fleet.server);
    await root.put(await builtControlPlane(), "windflow-control-plane");
    await root.put(join(repositoryRoot, "installer/install.sh"), "install.sh");
    await root.put(await builtAgent(), AGENT);
    // The program gives to hosts what lies beside it, if it is signed.
    const sums = await checksumsOf(root.folder, ["install.sh", AGENT]);
    await writeFile(join(root.folder, "SHA256SUMS"), sums);
    await writeFile(join(root.folder, "SHA256SUMS.sig"), signChecksums(sums, developmentKey()));
    for (const host of fleet.hosts) await buildImages(host.engine.docker, ["busybox"]);
  });
  afterAll(async () => {
    await fleet?.remove();
    await rm(images, { recursive: true, force: true });
  });

  const startControlPlane = (): Promise<Program> => {
    const settings = ["--state", "/state", "--names", fleet.serverAddress];
    return root.run(["/windflow-control-plane", ...settings], join(fleet.server.folder, "control-plane.log"));
  };
  const joinToken = async (name: string): Promise<string> => {
    const { api, organization } = signedIn;
    const labels = { name, site: "test" };
    return (await api.enrollmentTokens.createEnrollmentToken({ organization, labels })).secret ?? "";
  };
  const untilOnline = (names: readonly string[]): Promise<unknown> =>
    eventually(
      `${names.join(" and ")} online`,
      ONLINE_TIMEOUT_MS,
      async () => (await signedIn.api.hosts.listHosts({ organization: signedIn.organization })).hosts ?? [],
      (hosts) => names.every((name) => hosts.some((host) => host.labels?.["name"] === name && isOnline(host))),
    );

  it("the control plane's executable starts in an empty root and lets a person in", async () => {
    controlPlane = await startControlPlane();
    const [, oneTimePassword = ""] = await controlPlane.waitFor(/Password: (\S+)/, UP_TIMEOUT_MS);
    await controlPlane.waitFor(/is ready/, UP_TIMEOUT_MS);
    roots = await readFile(join(root.folder, "state/ca.pem"), "utf8");
    signedIn = await signInFirst({ url, roots, oneTimePassword, newPassword: PASSWORD });
    const fetch = trustingFetch(roots);
    const page = await (await fetch(url, {})).text();
    expect(page).toContain('<div id="app">');
    const asset = /\/assets\/[^"]+\.js/.exec(page)?.[0] ?? "";
    expect((await fetch(`${url}${asset}`, {})).status).toBe(200);
    expect((await fetch(`${url}/docs/swagger-ui-bundle.js`, {})).status).toBe(200);
  });

  it("large sources are rendered by its thread, which is a script inside", async () => {
    const { api, organization } = signedIn;
    const revisions = Object.fromEntries(Array.from({ length: 400 }, (_, at) => [`service-${at}`, String(at)]));
    const stack = await api.stacks.createStack({
      organization,
      name: "large",
      placement: { matchLabels: { no: "where" } },
    });
    const files = { "compose.yaml": idleStack(revisions) };
    expect(files["compose.yaml"].length).toBeGreaterThan(LENGTH_OF_A_LARGE_SOURCE);
    const revision = await api.stacks.createRevision({
      organization,
      stackId: stack.id ?? "",
      source: { files },
      message: "",
    });
    expect(revision.number).toBe(1);
  });

  it("gives its agent to a host, which enrols, comes online and runs a stack", async () => {
    const folder = join(withProgram.machine.folder, "agent");
    await mkdir(folder, { mode: 0o700 });
    const given = Buffer.from(await (await trustingFetch(roots)(`${url}/install/${AGENT}`, {})).arrayBuffer());
    const agent = join(folder, "windflow-agent");
    await writeFile(agent, given);
    await chmod(agent, 0o755);
    const token = join(folder, "token");
    await writeFile(token, await joinToken("program"), { mode: 0o600 });
    const settings = ["--state-dir", join(folder, "state"), "--docker-host", `unix://${withProgram.engine.socketPath}`];
    const caSha256 = createHash("sha256").update(roots).digest("hex");
    const enrolment = ["--server", url, "--ca-sha256", caSha256, "--token-file", token];
    const logFile = join(withProgram.machine.folder, "agent.log");
    await withProgram.machine.run([agent, "run", ...settings, ...enrolment], { logFile });
    await untilOnline(["program"]);
    await deploy(signedIn, "shop", idleStack({ web: "1" }));
  });

  it("is told by its state where it was: what was unpacked is not unpacked again", async () => {
    const unpacked = await readdir(join(root.folder, "state/program"));
    await controlPlane.stop();
    controlPlane = await startControlPlane();
    await controlPlane.waitFor(/is ready/, UP_TIMEOUT_MS);
    expect(await readdir(join(root.folder, "state/program"))).toEqual(unpacked);
    await untilOnline(["program"]);
  });

  it("the agent's image runs a host on an older engine, with the socket mounted", async () => {
    const archive = await madeImage("agent");
    const { machine, engine } = withContainer;
    const state = join(machine.folder, "agent");
    await mkdir(state, { mode: 0o700 });
    await writeFile(join(state, "token"), await joinToken("container"), { mode: 0o600 });
    await docker(withContainer, `load --input ${archive}`);
    const caSha256 = createHash("sha256").update(roots).digest("hex");
    await docker(
      withContainer,
      `run --detach --name windflow-agent --restart unless-stopped --network host --pid host --cgroupns host
        --volume ${engine.socketPath}:/var/run/docker.sock --volume ${state}:${state} --env WINDFLOW_STATE_DIR=${state}
        windflow/agent:0.1.0 run --server ${url} --ca-sha256 ${caSha256} --token-file ${state}/token`,
    );
    await untilOnline(["program", "container"]);
    const rollout = await deploy(signedIn, "shop", idleStack({ web: "2" }));
    expect(rollout).toMatchObject({ hostsTotal: 2, hostsSucceeded: 2 });
  });

  it("the control plane's image runs as a user without rights, keeps its state in a volume and knows its health", async () => {
    const archive = await madeImage("control-plane");
    expect(await docker(withProgram, `load --input ${archive}`)).toContain("windflow/control-plane:0.1.0");
    const start = (name: string): Promise<string> =>
      docker(
        withProgram,
        `run --detach --name ${name} --init --publish ${PORT}:${PORT} --volume windflow:/var/lib/windflow
          windflow/control-plane:0.1.0 --names ${withProgram.address}`,
      );
    await start("first");
    await untilHealthy("first");
    expect(await docker(withProgram, "exec first cat /proc/1/status")).toMatch(/^Uid:\t10001\t10001/m);
    const ca = await docker(withProgram, "exec first cat /var/lib/windflow/ca.pem");
    const to = { url: `https://${withProgram.address}:${PORT}`, roots: ca };
    expect((await trustingFetch(ca)(`${to.url}/install/install.sh`, {})).status).toBe(200);
    const oneTimePassword = /Password: (\S+)/.exec(await docker(withProgram, "logs first"))?.[1] ?? "";
    await signInFirst({ ...to, oneTimePassword, newPassword: PASSWORD });
    // Another container on the same volume, as after an upgrade.
    await docker(withProgram, "stop first");
    await docker(withProgram, "rm first");
    await start("second");
    await untilHealthy("second");
    expect(await signIn({ ...to, password: PASSWORD })).toMatchObject({ me: { email: "admin@windflow.local" } });
  });

  /** @param line arguments with blanks between them */
  const docker = (host: FleetHost, line: string): Promise<string> => {
    const args = ["--host", `unix://${host.engine.socketPath}`, ...line.split(/\s+/)];
    return host.machine.exec(["docker", ...args], { timeoutMs: UP_TIMEOUT_MS });
  };

  const untilHealthy = (container: string): Promise<string> =>
    eventually(
      `the container ${container} is healthy`,
      UP_TIMEOUT_MS,
      () => docker(withProgram, `inspect --format {{.State.Health.Status}} ${container}`),
      (status) => status.trim() === "healthy",
    );

  async function madeImage(program: "agent" | "control-plane"): Promise<string> {
    await mkdir(images, { recursive: true });
    const made = { base: await imageBase(), facts: testbedFacts(), arch: ARCH, workFolder: images } as const;
    const outfile = join(images, `${program}.tar`);
    if (program === "agent") await makeAgentImage({ ...made, executable: await builtAgent(), outfile });
    else {
      const released = ["install.sh", "SHA256SUMS", "SHA256SUMS.sig"].map((name) => join(root.folder, name));
      await makeControlPlaneImage({ ...made, executable: await builtControlPlane(), released, outfile });
    }
    return outfile;
  }
});

// From there on a source is rendered in the thread (control-plane/src/compose/renderer.ts).
const LENGTH_OF_A_LARGE_SOURCE = 32 * 1024;

const isOnline = ({ presence }: Host): boolean => presence === "PRESENCE_ONLINE";
