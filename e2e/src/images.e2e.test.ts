import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  imageTar,
  type MadeImage,
  makeImage,
  publishImage,
  startRegistry,
  tarOfFile,
  type TestRegistry,
} from "@windflow/e2e/testbed";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { createInstallation, type Installation, type InstalledHost } from "./installation/installation.ts";
import { containersOf, deploy, idleStack } from "./installation/stacks.ts";

const MB = 1_000_000;
const REGISTRY_PORT = 5000;
const PEER_PORT = 7443;
/** Sessions, desired states, what TLS and TCP add to the layers, and what was in flight when something broke. */
const BESIDE_BYTES = 3 * MB;
const FETCHING_TIMEOUT_MS = 60_000;

describe("a registry that only the control plane reaches, and three hosts of one site with three kinds of engine", () => {
  let installation: Installation;
  let registry: TestRegistry;
  let large: MadeImage;

  beforeAll(async () => {
    installation = await createInstallation([{}, { containerdSnapshotter: true }, { release: "20.10" }], "", {
      controlPlane: ({ serverAddress }) => ({ WINDFLOW_INSECURE_REGISTRIES: `${serverAddress}:${REGISTRY_PORT}` }),
      agent: ({ address }) => ({ WINDFLOW_PEER_ADDRESS: `${address}:${PEER_PORT}` }),
    });
    const { fleet, api, organization, hosts } = installation;
    registry = await startRegistry(fleet.server, { credentials: true, address: fleet.serverAddress });
    const { address, username, password } = registry;
    for (const { host } of hosts)
      await host.exec(
        `iptables -I OUTPUT -p tcp -d ${fleet.serverAddress} --dport ${REGISTRY_PORT} -j REJECT --reject-with tcp-reset`.split(
          " ",
        ),
      );
    await api.registries.createRegistry({ organization, address, username, password });
    large = await imageOf(20 * MB);
    await publishImage(registry, "team/app", "1", large);
  });
  afterAll(() => installation?.remove());

  /** The base has a shell; the rest is what has to travel. */
  const imageOf = async (bytes: number): Promise<MadeImage> =>
    makeImage(
      [
        { tar: await readFile(await imageTar("busybox")), compression: "gzip" },
        { tar: tarOfFile("payload", randomBytes(bytes)), compression: "gzip" },
      ],
      ["/bin/sh"],
    );
  const compose = (image: string): string => idleStack({ web: "1" }).replace("wf/busybox:1", image);
  const sizeOf = (image: MadeImage): number => image.layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  /** Everything that the control plane's machine has sent. */
  const sent = async (): Promise<number> =>
    Number(await installation.fleet.server.exec(["sh", "-c", "cat /sys/class/net/e*/statistics/tx_bytes | head -1"]));
  const first = (): InstalledHost => {
    const [host] = installation.hosts;
    if (host === undefined) throw new Error("the installation has no host");
    return host;
  };

  it("the tag is resolved, all three run the image, and the link to the site carried it once", async () => {
    const { api, organization, hosts } = installation;
    await api.linkProfiles.createLinkProfile({
      organization,
      rule: { name: "site", order: 1, siteLabel: "site", images: "IMAGE_SOURCE_REGISTRY_THEN_CONTROL_PLANE" },
    });
    await eventually(
      "the hosts know of each other",
      FETCHING_TIMEOUT_MS,
      () => Promise.all(hosts.map(({ hostId }) => api.linkProfiles.getHostLink({ organization, hostId }))),
      (links) => links.every(({ followed, peerHostIds }) => followed === true && peerHostIds?.length === 2),
    );
    const before = await sent();
    const reference = `${registry.address}/team/app:1`;
    const ended = await deploy(installation, "shop", compose(reference));
    expect(ended.hostsSucceeded).toBe(3);
    const carried = (await sent()) - before;
    console.log(`the link carried ${carried} bytes for 3 times ${sizeOf(large)}`);
    expect(carried).toBeGreaterThan(sizeOf(large));
    expect(carried).toBeLessThan(sizeOf(large) + BESIDE_BYTES);
    const ids = await Promise.all(
      hosts.map(async (installed) => {
        const { web = "" } = await containersOf(installed, "shop");
        return (await installed.host.engine.docker.getContainer(web).inspect()).Image;
      }),
    );
    expect(ids).toEqual([large.configDigest, large.indexDigest, large.configDigest]);
    const { images = [] } = await api.linkProfiles.getImageCache({ organization });
    expect(images).toMatchObject([{ reference, state: "ready", sizeBytes: String(sizeOf(large)) }]);
  });

  it("an agent that is killed and a link that is cut in the middle of a layer cost what was in flight, and not the layer", async () => {
    const { api, organization } = installation;
    await api.linkProfiles.createLinkProfile({
      organization,
      rule: {
        name: "slow",
        order: 0,
        expressions: [{ key: "name", operator: "OPERATOR_IN", values: ["host1"] }],
        images: "IMAGE_SOURCE_CONTROL_PLANE",
        limits: [{ class: "CLASS_LAYERS", bytesPerSecond: String(2 * MB) }],
      },
    });
    await eventually(
      "the host follows it",
      FETCHING_TIMEOUT_MS,
      () => api.linkProfiles.getHostLink({ organization, hostId: first().hostId }),
      ({ followed, profile }) => followed === true && profile?.rule?.name === "slow",
    );
    const image = await imageOf(12 * MB);
    await publishImage(registry, "team/slow", "1", image);
    const stack = await api.stacks.createStack({
      organization,
      name: "slow",
      placement: { hostIds: [first().hostId] },
    });
    const stackId = stack.id ?? "";
    const source = { files: { "compose.yaml": compose(`${registry.address}/team/slow:1`) } };
    const { number } = await api.stacks.createRevision({ organization, stackId, source });
    const before = await sent();
    const reached = (bytes: number): Promise<number> =>
      eventually(
        "some of the layer has come",
        FETCHING_TIMEOUT_MS,
        async () => (await sent()) - before,
        (n) => n > bytes,
      );
    await api.rollouts.createRollout({ organization, stackId, revision: number });
    await reached(4 * MB);
    await first().agent.kill();
    await first().startAgent();
    await reached(8 * MB);
    await first().host.cut();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await first().host.heal();
    await eventually(
      "it runs",
      FETCHING_TIMEOUT_MS,
      () => containersOf(first(), "slow"),
      ({ web }) => web !== undefined,
    );
    const carried = (await sent()) - before;
    console.log(`${carried} bytes for ${sizeOf(image)} with a kill and a cut between`);
    expect(carried).toBeLessThan(sizeOf(image) + BESIDE_BYTES);
  });
});
