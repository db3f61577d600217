import { createHash, randomBytes } from "node:crypto";
import { type HardLink, startHardLink } from "@windflow/e2e/testbed";
import { followRollout } from "@windflow/installer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { type Installation, type InstalledHost, createInstallation } from "./installation/installation.ts";
import { containersOf } from "./installation/stacks.ts";

/** A round trip of 2 s in user space, and three of ten packets lost by the kernel, each way, on one path. */
const ONE_WAY_MS = 1_000;
const LOSS = "0.3";
/** Two fillings of what may be on its way in one stream. WINDFLOW_HARD_LINK_BYTES measures larger ones. */
const FILE_BYTES = Number(process.env["WINDFLOW_HARD_LINK_BYTES"] ?? 128 * 1024);
const MIB = 1024 * 1024;
// Bounds with room for a machine under load; what was measured is in docs/links.md.
const CONNECT_TIMEOUT_MS = 90_000;
const LINES_TIMEOUT_MS = 120_000;
const DEPLOY_TIMEOUT_MS = 150_000 + FILE_BYTES / 2;
const LINES = `["sh", "-c", "trap 'exit 0' TERM; i=0; while :; do echo line $$i; i=$$((i+1)); sleep 1 & wait $$!; done"]`;
const COMPOSE = `services:
  talk:
    image: wf/busybox:1
    command: ${LINES}
    stop_grace_period: 1s
    volumes: ["./layer.bin:/layer.bin:ro"]
`;

const TIMEOUT = { timeout: 300_000 + DEPLOY_TIMEOUT_MS };

describe("a host behind a link that loses three packets of ten, with a round trip of 2 s", () => {
  let installation: Installation;
  let host: InstalledHost;
  let links: HardLink[] = [];
  let watching: Promise<void>;
  const over = new AbortController();
  const presences: string[] = [];
  const port = (): number => Number(new URL(installation.controlPlane.url).port);

  beforeAll(async () => {
    installation = await createInstallation([{}]);
    [host] = installation.hosts as unknown as [InstalledHost];
    watching = watch();
  });
  afterAll(async () => {
    over.abort();
    await watching;
    for (const link of links) link.close();
    await installation?.remove();
  });

  const presence = async (): Promise<string> => {
    const { organization, api } = installation;
    return (await api.hosts.getHost({ organization, hostId: host.hostId })).presence ?? "";
  };
  async function watch(): Promise<void> {
    while (!over.signal.aborted) {
      const seen = await presence().catch(() => "");
      if (seen !== presences.at(-1)) presences.push(seen);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  /** Something came from the host since then, and what came can only have come over a link. */
  const untilOnline = async (sinceMs: number): Promise<void> => {
    const { organization, api } = installation;
    await eventually(
      "online over the link",
      CONNECT_TIMEOUT_MS,
      () => api.hosts.getHost({ organization, hostId: host.hostId }),
      ({ lastSeenAt, presence: seen }) => Date.parse(lastSeenAt ?? "") > sinceMs && seen === "PRESENCE_ONLINE",
    );
    presences.splice(0);
  };
  const restart = async (env?: NodeJS.ProcessEnv): Promise<void> => {
    await host.agent.kill();
    const begun = Date.now();
    await host.startAgent(env);
    await untilOnline(begun);
  };
  const iptables = (...rule: string[]): Promise<string> => host.host.exec(["iptables", "-w", ...rule]);
  /** Between the host and this process. */
  const losePackets = async (): Promise<void> => {
    const match = ["-m", "statistic", "--mode", "random", "--probability", LOSS, "-j", "DROP"];
    await iptables("-A", "INPUT", "-s", installation.fleet.address, ...match);
    await iptables("-A", "OUTPUT", "-d", installation.fleet.address, ...match);
  };
  const openLink = async (isProxy: boolean): Promise<HardLink> => {
    const { address, serverAddress } = installation.fleet;
    const target = { host: serverAddress, port: port() };
    const link = await startHardLink({ target, address, oneWayMs: ONE_WAY_MS, isProxy });
    links = [...links, link];
    return link;
  };

  /** A revision whose file comes as layers do, and a program that talks. */
  async function prepare(): Promise<{ stackId: string; revision: number }> {
    const { organization, api } = installation;
    const content = randomBytes(FILE_BYTES);
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    for (let offset = 0; offset < FILE_BYTES; offset += MIB) {
      const piece = content.subarray(offset, offset + MIB).toString("base64");
      const place = { digest, sizeBytes: String(FILE_BYTES), offset: String(offset) };
      await api.files.putFileChunk({ organization, ...place, content: piece });
    }
    const placement = { matchLabels: { site: "test" } };
    const { id: stackId = "" } = await api.stacks.createStack({ organization, name: "talk", placement });
    const attachments = [{ path: "layer.bin", digest, mode: 0o644 }];
    const source = { files: { "compose.yaml": COMPOSE }, attachments };
    const { number: revision = 0 } = await api.stacks.createRevision({ organization, stackId, source });
    return { stackId, revision };
  }
  /** A reader asks again when a stall has ended its stream, as the page does. */
  const untilLines = (count: number): Promise<string[]> =>
    eventually(
      "lines of a log",
      LINES_TIMEOUT_MS,
      () => readLines(count),
      (lines) => lines.length >= count,
    );
  async function readLines(count: number): Promise<string[]> {
    const { organization, api } = installation;
    const { talk: containerId = "" } = await containersOf(host, "talk");
    const lines: string[] = [];
    const stream = api.containers.streamLogs(
      { organization, hostId: host.hostId, containerId, follow: true, tail: 5 },
      { signal: AbortSignal.timeout(LINES_TIMEOUT_MS) },
    );
    for await (const { message } of stream) {
      lines.push(...(message.lines ?? []).map(({ text }) => text ?? ""));
      if (lines.length >= count) break;
    }
    return lines;
  }

  it(
    "has a session, is never taken for gone, ends a deployment with its files, and streams logs",
    TIMEOUT,
    async () => {
      const { fleet, organization, api } = installation;
      const { stackId, revision } = await prepare();
      const link = await openLink(false);
      const to = ["-p", "tcp", "-d", fleet.serverAddress, "--dport", String(port())];
      const through = `${fleet.address}:${link.port}`;
      await iptables("-t", "nat", "-A", "OUTPUT", ...to, "-j", "DNAT", "--to-destination", through);
      await losePackets();
      await restart();
      // A host has 300 s unless told; larger files take longer here.
      const strategy = { healthGate: { deadlineSeconds: Math.ceil(DEPLOY_TIMEOUT_MS / 1_000) } };
      const { id = "" } = await api.rollouts.createRollout({ organization, stackId, revision, strategy });
      const ended = await followRollout(api, organization, id, AbortSignal.timeout(DEPLOY_TIMEOUT_MS));
      expect(ended).toMatchObject({ state: "STATE_SUCCEEDED", hostsSucceeded: 1 });
      const lines = await untilLines(10);
      const numbers = lines.map((line) => Number(line.replace("line ", "")));
      expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i));
      expect(presences).not.toContain("PRESENCE_OFFLINE");
    },
  );

  it("does so through an HTTP proxy on the same way", async () => {
    // What is still on its way there would be taken for a word of the agent that begins now.
    for (const link of links) link.close();
    const proxy = await openLink(true);
    await restart({ https_proxy: `http://${installation.fleet.address}:${proxy.port}` });
    expect(proxy.connections).toBeGreaterThan(0);
    await untilLines(5);
    expect(presences).not.toContain("PRESENCE_OFFLINE");
  });
});
