import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createRegistryAuthority } from "@windflow/e2e/testbed";
import { ownProcessorSeconds, residentKb } from "../measure/process.ts";
import { measureHandshakes, type HandshakeCost } from "./handshakes.ts";
import { share } from "./growth.ts";
import type { Scale } from "./scale.ts";
import type { Site } from "./site.ts";
import { percentile, until } from "./until.ts";
import type { Workers } from "./workers.ts";

/** A bare grpc-js server with as many sessions. It stores nothing and knows nobody. */
export interface PeerFigures {
  readonly kbPerAgent: number;
  readonly handshake: HandshakeCost;
  readonly steadyCpuPercent: number;
  /** A message to all of them at once until each has answered. */
  readonly fanoutP99Ms: number;
  readonly reconnectAllSeconds: number;
  readonly reconnectCpuMsPerSession: number;
}

/** With the identities of the hosts that have enrolled: the same keys and chains are checked. */
export async function measurePeer(site: Site, workers: Workers, scale: Scale): Promise<PeerFigures> {
  const folder = await mkdtemp(join(tmpdir(), "windflow-echo-"));
  const authority = await createRegistryAuthority();
  const { cert, key } = await authority.serverAt("127.0.0.1");
  const [rootsFile, keyFile, certificateFile] = ["roots.pem", "key.pem", "cert.pem"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await writeFile(rootsFile, site.controlPlane.roots);
  await writeFile(keyFile, key, { mode: 0o600 });
  await writeFile(certificateFile, cert);
  const server = fork(join(import.meta.dirname, "echo-server.ts"), [rootsFile, keyFile, certificateFile], {
    execArgv: ["--conditions=@windflow/source", "--disable-warning=ExperimentalWarning"],
  });
  try {
    const { port } = await told<{ port: number }>(server);
    const roots = await readFile(authority.rootFile, "utf8");
    await workers.all("aim", (worker) => ({ endpoint: { ...site.endpointOf(worker), port, roots } }));
    return await measure(server, workers, scale);
  } finally {
    await workers.all("rest", () => ({})).catch(() => undefined);
    server.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(server: ChildProcess, workers: Workers, scale: Scale): Promise<PeerFigures> {
  const pid = server.pid ?? 0;
  const seconds = (): number => ownProcessorSeconds(pid);
  const handshake = await measureHandshakes(workers, scale.handshakes, seconds);
  const emptyKb = residentKb(pid);
  await openAll(workers, scale);
  await pause(scale.settleMs);
  const [began, used] = [performance.now(), seconds()];
  await pause(scale.steadyMs);
  const steadyCpuPercent = ((seconds() - used) * 100_000) / (performance.now() - began);
  const kbPerAgent = (residentKb(pid) - emptyKb) / scale.agents;
  server.send("command");
  const { times } = await told<{ times: number[] }>(server);
  await workers.all("rest", () => ({}));
  await pause(scale.settleMs);
  const [again, usedBefore] = [performance.now(), seconds()];
  await openAll(workers, scale);
  return {
    kbPerAgent,
    handshake,
    steadyCpuPercent,
    fanoutP99Ms: percentile(times, 99),
    reconnectAllSeconds: (performance.now() - again) / 1000,
    reconnectCpuMsPerSession: ((seconds() - usedBefore) * 1000) / scale.agents,
  };
}

async function openAll(workers: Workers, scale: Scale): Promise<void> {
  const perSecond = scale.openPerSecond / workers.count;
  await workers.all("echo", (worker) => ({ sessions: share(scale.agents, workers.count, worker), perSecond }));
  const look = async (): Promise<number> =>
    (await workers.all("echoTally", () => ({}))).reduce((sum, { open }) => sum + open, 0);
  await until("sessions with the bare server", look, (open) => open === scale.agents, scale.patienceMs);
}

async function told<Message>(server: ChildProcess): Promise<Message> {
  const [message] = (await once(server, "message")) as [Message & { problem?: string }];
  if (message.problem !== undefined) throw new Error(`The bare server failed: ${message.problem}`);
  return message;
}
