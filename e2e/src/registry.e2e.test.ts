import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Revision, Rollout } from "@windflow/proto/client";
import { createRegistryAuthority, startRegistry, type TestRegistry } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { type Installation, type InstalledHost, createInstallation } from "./installation/installation.ts";
import { containersOf, deploy, end, idleStack } from "./installation/stacks.ts";

const TOLD_TIMEOUT_MS = 20_000;
const HEAL_TIMEOUT_MS = 30_000;
const PASSWORD_IN_STATE = "correct horse";

describe("a private registry with TLS, and hosts with both image stores", () => {
  let installation: Installation;
  let hosts: readonly InstalledHost[];
  let registry: TestRegistry;
  let reference: string;
  let stackId: string;
  let registryId: string;

  beforeAll(async () => {
    const authority = await createRegistryAuthority();
    const trusts = authority.rootFile;
    installation = await createInstallation([{ trusts }, { trusts, containerdSnapshotter: true }]);
    ({ hosts } = installation);
    const { server, serverAddress } = installation.fleet;
    registry = await startRegistry(server, { credentials: true, authority, address: serverAddress });
    reference = `${registry.address}/team/app:1`;
  });
  afterAll(() => installation?.remove());

  const only = (): InstalledHost => {
    const [first] = hosts;
    if (first === undefined) throw new Error("the installation has no host");
    return first;
  };
  /** Moves the tag to an image that says which one it is, and leaves nothing of it on the engine. */
  const publish = async (version: string): Promise<void> => {
    const { docker } = only().host.engine;
    const container = await docker.createContainer({ Image: "wf/busybox:1" });
    const repo = `${registry.address}/team/app`;
    await container.commit({ repo, tag: "1", changes: `ENV VERSION=${version}` });
    await container.remove();
    const authconfig = {
      username: registry.username,
      password: registry.password,
      serveraddress: registry.address,
    };
    const image = docker.getImage(reference);
    const pushing = await image.push({ authconfig });
    await new Promise<void>((resolve, reject) =>
      docker.modem.followProgress(pushing, (error) => (error === null ? resolve() : reject(error))),
    );
    await image.remove({ force: true });
  };
  const compose = (image: string, rev: string, policy = "missing"): string =>
    idleStack({ web: rev }).replace("image: wf/busybox:1", `image: ${image}\n    pull_policy: ${policy}`);
  const revise = (text: string): Promise<Revision> =>
    installation.api.stacks.createRevision({
      organization: installation.organization,
      stackId,
      source: { files: { "compose.yaml": text } },
    });
  const begin = (revision: number | undefined): Promise<Rollout> =>
    installation.api.rollouts.createRollout({ organization: installation.organization, stackId, revision });
  const rollOut = async (revision: number | undefined): Promise<void> => {
    const ended = await end(installation, (await begin(revision)).id ?? "");
    expect(ended).toMatchObject({ state: "STATE_SUCCEEDED", hostsSucceeded: 2 });
  };
  /** What the containers of the stack say that they are made from. */
  const versions = (): Promise<(string | undefined)[]> =>
    Promise.all(
      hosts.map(async (installed) => {
        const id = (await containersOf(installed, "shop"))["web"] ?? "";
        const { Config } = await installed.host.engine.docker.getContainer(id).inspect();
        return Config.Env.find((variable) => variable.startsWith("VERSION="));
      }),
    );

  it("without credentials the revision warns; with wrong ones the rollout says so, and what runs goes on", async () => {
    const first = await deploy(installation, "shop", idleStack({ web: "1" }));
    stackId = first.stackId ?? "";
    await publish("one");
    const before = await Promise.all(hosts.map((host) => containersOf(host, "shop")));
    const revision = await revise(compose(reference, "1"));
    expect(revision.warnings).toMatchObject([
      { code: "WF_IMAGE_UNRESOLVED", why: expect.stringContaining("WF_REGISTRY_UNAUTHORIZED") },
    ]);
    const { organization, api } = installation;
    const made = await api.registries.createRegistry({
      organization,
      address: registry.address,
      username: registry.username,
      password: "wrong",
    });
    registryId = made.id ?? "";
    const { id: rolloutId = "" } = await begin(revision.number);
    const told = await eventually(
      "the rollout fails, because both hosts say that their credentials are wrong",
      TOLD_TIMEOUT_MS,
      () => api.rollouts.getRollout({ organization, rolloutId }),
      (rollout) => rollout.state === "STATE_FAILED",
    );
    const sentence = `registry ${registry.address} answers "unauthorized" to the stored username and password`;
    expect(told.hosts).toHaveLength(2);
    for (const { cause } of told.hosts ?? []) expect(cause).toContain(sentence);
    expect(await Promise.all(hosts.map((host) => containersOf(host, "shop")))).toEqual(before);
  });

  it("credentials are tried before they are trusted", async () => {
    const { organization, api } = installation;
    const refused = await api.registries.testRegistry({ organization, registryId });
    expect(refused.ok ?? false).toBe(false);
    expect(refused.problem).toMatch(/answers "unauthorized"/);
    await api.registries.updateRegistry({ organization, registryId, password: registry.password });
    for (const { hostId } of hosts) {
      expect(await api.registries.testRegistry({ organization, registryId, hostId })).toMatchObject({
        ok: true,
        hostId,
      });
    }
  });

  it("every host runs the bytes that the tag stood for when the revision was made", async () => {
    const revision = await revise(compose(reference, "2"));
    expect(revision.warnings ?? []).toEqual([]);
    await publish("two");
    await rollOut(revision.number);
    expect(await versions()).toEqual(["VERSION=one", "VERSION=one"]);
    const { organization, api } = installation;
    const shown = await api.stacks.getRevision({ organization, stackId, number: revision.number ?? 0 });
    expect(shown.imageDigests?.[reference]).toMatch(/^sha256:/);
  });

  it("a later revision asks again where it says so, and the older one still means the older bytes", async () => {
    const { organization, api } = installation;
    const before = await api.stacks.getStack({ organization, stackId });
    const revision = await revise(compose(reference, "3", "always"));
    await rollOut(revision.number);
    expect(await versions()).toEqual(["VERSION=two", "VERSION=two"]);
    await publish("three");
    await rollOut(before.currentRevision);
    expect(await versions()).toEqual(["VERSION=one", "VERSION=one"]);
  });

  it("with no control plane, what was removed by hand is pulled again with the credentials that the host keeps", async () => {
    const { host } = only();
    await installation.killControlPlane();
    const id = (await containersOf(only(), "shop"))["web"] ?? "";
    const { Image } = await host.engine.docker.getContainer(id).inspect();
    // The engine refuses to remove the image of a container that the agent brings back in between.
    await only().agent.kill();
    await host.engine.docker.getContainer(id).remove({ force: true });
    await host.engine.docker.getImage(Image).remove({ force: true });
    await only().startAgent();
    await eventually(
      "it is back",
      HEAL_TIMEOUT_MS,
      () => containersOf(only(), "shop"),
      ({ web }) => web !== undefined,
    );
    expect((await versions())[0]).toBe("VERSION=one");
    await only().agent.kill();
    expect(await filesWith(join(host.machine.folder, "agent"), PASSWORD_IN_STATE)).toEqual([]);
    expect(await readFile(join(host.machine.folder, "agent.log"), "utf8")).not.toContain(PASSWORD_IN_STATE);
  });
});

/** Files below a folder in which a text stands. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}
