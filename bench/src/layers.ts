import { containersOf, createInstallation, idleStack, type Installation } from "@windflow/e2e";
import { imageTar, makeImage, publishImage, startRegistry, tarOfFile } from "@windflow/e2e/testbed";
import { beginDeploy, followRollout } from "@windflow/installer";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { memoryOf } from "./measure/process.ts";

interface Peak {
  readonly beforeMb: number;
  readonly mostMb: number;
}

interface LayersResult {
  readonly bench: "layers";
  readonly layerBytes: number;
  readonly seconds: number;
  /** What the machine of the control plane has sent, of which the layer is a part once. */
  readonly overTheLinkBytes: number;
  readonly controlPlane: Peak;
  readonly agents: readonly Peak[];
}

const MB = 1_000_000;
const LAYER_MB = 1_200;
const REGISTRY_PORT = 5000;
const PEER_PORT = 7443;
const LOOK_MS = 100;
// A layer of some gigabytes on a machine that does much else.
const DEADLINE_SECONDS = 1_800;

/**
 * `--mb N` (1,200): a layer of that size from a registry, which only the control plane reaches, to two hosts of one site with the two
 * kinds of image store, and the private memory of all three programs meanwhile. Takes about nine times the layer on the disk.
 */
export async function run(args: string[]): Promise<LayersResult> {
  const { values } = parseArgs({ args, options: { mb: { type: "string" } } });
  const bytes = Number(values.mb ?? LAYER_MB) * MB;
  if (!(bytes > 0)) throw new Error("--mb takes a number");
  const installation = await createInstallation([{}, { containerdSnapshotter: true }], "", {
    controlPlane: ({ serverAddress }) => ({ WINDFLOW_INSECURE_REGISTRIES: `${serverAddress}:${REGISTRY_PORT}` }),
    agent: ({ address }) => ({ WINDFLOW_PEER_ADDRESS: `${address}:${PEER_PORT}` }),
  });
  try {
    return await bring(installation, bytes);
  } finally {
    await installation.remove();
  }
}

async function bring(installation: Installation, bytes: number): Promise<LayersResult> {
  const { fleet, api, organization, hosts, controlPlane } = installation;
  const registry = await startRegistry(fleet.server, { credentials: true, address: fleet.serverAddress });
  const { address, username, password } = registry;
  await api.registries.createRegistry({ organization, address, username, password });
  const rule = { name: "site", order: 1, siteLabel: "site", images: "IMAGE_SOURCE_CONTROL_PLANE" } as const;
  await api.linkProfiles.createLinkProfile({ organization, rule });
  const image = makeImage(
    [
      { tar: await readFile(await imageTar("busybox")), compression: "gzip" },
      { tar: tarOfFile("payload", Buffer.alloc(bytes)), compression: "stored" },
    ],
    ["/bin/sh"],
  );
  await publishImage(registry, "team/large", "1", image);
  const sent = async (): Promise<number> =>
    Number(await fleet.server.exec(["sh", "-c", "cat /sys/class/net/e*/statistics/tx_bytes | head -1"]));
  const programs = [controlPlane.program.pid, ...hosts.map(({ agent }) => agent.pid)];
  const privateMb = (): number[] => programs.map((pid) => Math.round(memoryOf(pid).privateBytes / MB));
  const before = privateMb();
  let most = before;
  const looking = setInterval(() => {
    most = privateMb().map((mb, i) => Math.max(mb, most[i] ?? 0));
  }, LOOK_MS);
  const sentBefore = await sent();
  const begun = performance.now();
  try {
    const compose = idleStack({ web: "1" }).replace("wf/busybox:1", `${address}/team/large:1`);
    const began = await beginDeploy(api, {
      organization,
      name: "large",
      placement: { matchLabels: { site: "test" } },
      source: { files: { "compose.yaml": compose } },
      deadlineSeconds: DEADLINE_SECONDS,
    });
    const patience = AbortSignal.timeout(DEADLINE_SECONDS * 1_000);
    const ended = await followRollout(api, organization, began.id ?? "", patience);
    if (ended.hostsSucceeded !== hosts.length) throw new Error(`${ended.hostsSucceeded} hosts have it`);
    for (const host of hosts)
      if ((await containersOf(host, "large"))["web"] === undefined) throw new Error("it does not run");
  } finally {
    clearInterval(looking);
  }
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  const overTheLinkBytes = (await sent()) - sentBefore;
  const [ofControlPlane, ...ofAgents] = before.map((beforeMb, i) => ({ beforeMb, mostMb: most[i] ?? 0 }));
  if (ofControlPlane === undefined) throw new Error("nothing was measured");
  console.log(
    `${bytes / MB} MB on two hosts after ${seconds} s, ${Math.round(overTheLinkBytes / MB)} MB over the link`,
  );
  console.log(`control plane ${ofControlPlane.beforeMb} MB, at most ${ofControlPlane.mostMb}`);
  for (const { beforeMb, mostMb } of ofAgents) console.log(`agent ${beforeMb} MB, at most ${mostMb}`);
  return {
    bench: "layers",
    layerBytes: bytes,
    seconds,
    overTheLinkBytes,
    controlPlane: ofControlPlane,
    agents: ofAgents,
  };
}
