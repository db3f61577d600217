import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { clockLibrary } from "@windflow/e2e/testbed";
import { eventually } from "../eventually.ts";
import type { Installation, InstalledHost } from "../installation/installation.ts";
import { begin, type ChaosRecord, type HostTruth } from "./record.ts";
import type { Fault } from "./schedule.ts";

// The control plane opens its database again after a crash of it within seconds; the rest is for a loaded machine.
const DATABASE_TIMEOUT_MS = 60_000;
const START_TIMEOUT_MS = 60_000;
// The share of packets that a lossy link loses each way.
const LEAST_LOSS = 0.1;
const MOST_LOSS = 0.35;
// A clock this wrong, either way, milliseconds: from what NTP mends unseen to a forgotten time zone.
const LEAST_SKEW_MS = 5_000;
const MOST_SKEW_MS = 3_600_000;
const FILLER = "filler";

/** Lets one fault happen, from its begin to the end of it; notes the truth meanwhile. */
export async function strike(installation: Installation, record: ChaosRecord, fault: Fault): Promise<void> {
  if (fault.host === undefined) return strikeServer(installation, record, fault);
  const host = installation.hosts[fault.host];
  const truth = record.hosts[fault.host];
  if (host === undefined || truth === undefined) throw new Error(`there is no host ${fault.host}`);
  await strikeHost(host, truth, fault);
}

async function strikeServer(installation: Installation, { serverDown }: ChaosRecord, fault: Fault): Promise<void> {
  const up = begin(serverDown);
  if (fault.kind === "kill-control-plane") {
    await installation.killControlPlane();
    await sleep(fault.lengthMs);
    await installation.startControlPlane();
  } else {
    await killDatabase(installation);
    const { organization } = installation;
    await eventually(
      "the control plane answers again after its database was killed",
      DATABASE_TIMEOUT_MS,
      () => installation.api.hosts.listHosts({ organization }),
      () => true,
    );
  }
  up();
}

async function killDatabase({ fleet: { server } }: Installation): Promise<void> {
  const [file = ""] = (await server.exec(["find", join(server.folder, "state"), "-name", "postmaster.pid"])).split(
    "\n",
  );
  // Ids of the machine's own namespace.
  const [pid = ""] = (await server.exec(["head", "-n", "1", file])).split("\n");
  await server.exec(["kill", "-KILL", pid]);
}

async function strikeHost(host: InstalledHost, truth: HostTruth, fault: Fault): Promise<void> {
  switch (fault.kind) {
    case "kill-agent":
      return restartAgent(host, truth, { afterMs: fault.lengthMs });
    case "kill-engine":
      return whileEngineDown(truth, async () => {
        await host.host.engine.crash();
        await sleep(fault.lengthMs);
        await host.host.engine.restart();
      });
    case "power-cut":
      return powerCut(host, truth, fault);
    case "partition":
      return whileUnreachable(truth, async () => {
        await host.host.cut();
        await sleep(fault.lengthMs);
        await host.host.heal();
      });
    case "packet-loss":
      return whileUnreachable(truth, () => losePackets(host, fault));
    case "full-disk":
      return whileEngineDown(truth, () => fillDisk(host, fault));
    case "skewed-clock":
      return skewClock(host, truth, fault);
    case "kill-control-plane":
    case "kill-database":
      throw new Error(`${fault.kind} is no fault of a host`);
  }
}

async function whileUnreachable(truth: HostTruth, act: () => Promise<unknown>): Promise<void> {
  const reachable = begin(truth.unreachable);
  await act();
  reachable();
}

async function whileEngineDown(truth: HostTruth, act: () => Promise<unknown>): Promise<void> {
  const up = begin(truth.engineDown);
  await act();
  up();
}

/** @param env of the agent that is started then */
async function restartAgent(
  host: InstalledHost,
  truth: HostTruth,
  { afterMs, env }: { readonly afterMs: number; readonly env?: NodeJS.ProcessEnv },
): Promise<void> {
  const runs = begin(truth.agentDown);
  await whileUnreachable(truth, async () => {
    await host.agent.kill();
    await sleep(afterMs);
    await host.startAgent(env);
  });
  await hearsEngine(host);
  runs();
}

/** The agent that was started last sees what happens on the engine from here on: beside other work its start takes a while. */
async function hearsEngine({ agent }: InstalledHost): Promise<void> {
  await agent.waitFor(/engine connected/, START_TIMEOUT_MS);
}

/** Engine and agent come back in either order, as they may after a boot. */
async function powerCut(host: InstalledHost, truth: HostTruth, fault: Fault): Promise<void> {
  const runs = begin(truth.agentDown);
  const agentFirst = fault.degree >= 0.5;
  await whileEngineDown(truth, async () => {
    await whileUnreachable(truth, async () => {
      await host.host.powerCut();
      await sleep(fault.lengthMs);
      await (agentFirst ? host.host.bootMachine() : host.host.powerOn());
      await host.startAgent();
    });
    if (agentFirst) await host.host.engine.restart();
  });
  await hearsEngine(host);
  runs();
}

async function losePackets({ host }: InstalledHost, fault: Fault): Promise<void> {
  const probability = String(LEAST_LOSS + fault.degree * (MOST_LOSS - LEAST_LOSS));
  const rules = ["INPUT", "OUTPUT"].map((chain) => [chain, chain === "INPUT" ? "-i" : "-o", "eth0"]);
  const change = async (how: "-A" | "-D"): Promise<void> => {
    for (const [chain = "", ...card] of rules) {
      const match = ["-m", "statistic", "--mode", "random", "--probability", probability];
      await host.exec(["iptables", "-w", how, chain, ...card, ...match, "-j", "DROP"]);
    }
  };
  await change("-A");
  await sleep(fault.lengthMs);
  await change("-D");
}

async function fillDisk({ host }: InstalledHost, fault: Fault): Promise<void> {
  const file = join(host.engine.dataRoot, FILLER);
  // It ends with an error once nothing more fits: that is the point of it.
  await host.exec(["sh", "-c", `dd if=/dev/zero of=${file} bs=1M 2>/dev/null || true`]);
  await sleep(fault.lengthMs);
  await host.exec(["rm", "-f", file]);
}

async function skewClock(host: InstalledHost, truth: HostTruth, fault: Fault): Promise<void> {
  const sign = fault.lengthMs % 2 === 0 ? 1 : -1;
  const skewMs = sign * Math.round(LEAST_SKEW_MS * (MOST_SKEW_MS / LEAST_SKEW_MS) ** fault.degree);
  const env = await clockLibrary(skewMs);
  const right = begin(truth.skewed);
  await restartAgent(host, truth, { afterMs: 0, env });
  await sleep(fault.lengthMs);
  await restartAgent(host, truth, { afterMs: 0 });
  right();
}
