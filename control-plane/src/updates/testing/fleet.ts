import type { AgentBuild } from "../../hosts/index.ts";
import { waveRules, type RolloutStrategy } from "../../rollouts/index.ts";
import {
  attemptOf,
  isUpdateEnded,
  type AgentReport,
  type AgentUpdate,
  type ReportState,
  type UpdateHost,
  type UpdateHostView,
} from "../model.ts";
import { planUpdate } from "../plan.ts";

export const RELEASE: AgentUpdate["release"] = {
  id: "ab".repeat(32),
  version: "0.2.0",
  commit: "new",
  development: true,
  protocolMin: 1,
  protocolMax: 1,
  releasedAt: "",
  files: [{ name: "windflow-agent-linux-x64.zst", arch: "x64", sizeBytes: 34, sha256: "cd".repeat(32) }],
};
export const oldBuild: AgentBuild = {
  commit: "old",
  development: true,
  arch: "x64",
  protocolMin: 1,
  protocolMax: 1,
  cannotUpdate: "",
};

/** What becomes of the machine once it is told. */
export type Fate = "updates" | "reverts" | "refuses" | "mute" | "lost" | "stalls" | "cannot";

/** One machine of a made-up fleet: what it is, not what the update believes of it. */
export interface Machine {
  readonly hostId: string;
  fate: Fate;
  reach: UpdateHostView["reach"];
  reachedSince: number;
  windowOpen: boolean;
  windowOpensAt: number | undefined;
  version: string;
  build: AgentBuild;
  report: AgentReport | undefined;
}

export interface World {
  now: number;
  update: AgentUpdate;
  hosts: readonly UpdateHost[];
  readonly machines: Machine[];
}

export const NOON: number = Date.UTC(2026, 10, 23, 12);

export function worldOf(
  strategy: RolloutStrategy,
  fates: readonly Fate[],
  waves: { readonly settings: AgentUpdate["waves"]; readonly waveOf: (index: number) => number },
): World {
  const ids = fates.map((_, i) => `hst_${i}`);
  return {
    now: NOON,
    update: {
      id: "upd_1",
      release: RELEASE,
      state: "pending",
      cause: "not begun yet",
      strategy,
      waves: waves.settings,
      excusedFailures: 0,
      ignoreWindows: false,
    },
    hosts: ids.map((hostId, i) => ({
      hostId,
      hostName: `host-${i}`,
      wave: waves.waveOf(i),
      state: "pending",
      cause: "not begun yet",
      fromVersion: "0.1.0",
      retries: 0,
      begun: false,
    })),
    machines: ids.map((hostId, i) => ({
      hostId,
      fate: fates[i] ?? "updates",
      reach: "reached",
      reachedSince: NOON - 60_000,
      windowOpen: true,
      windowOpensAt: undefined,
      version: "0.1.0",
      build: fates[i] === "cannot" ? { ...oldBuild, cannotUpdate: "it runs as a container" } : oldBuild,
      report: undefined,
    })),
  };
}

export function viewsOf(world: World): Map<string, UpdateHostView> {
  return new Map(
    world.machines.map((machine) => [
      machine.hostId,
      {
        reach: machine.reach,
        reachCause: machine.reach === "reached" ? "" : "no heartbeat since 12:00Z",
        ...(machine.reach === "reached" ? { reachedSince: machine.reachedSince } : {}),
        runs: { version: machine.version, build: machine.build },
        window: {
          open: machine.windowOpen,
          ...(machine.windowOpensAt === undefined ? {} : { opensAt: machine.windowOpensAt }),
        },
      },
    ]),
  );
}

/** Plans and does it, until nothing is to be done now. Gives the hosts that were told. */
export function settle(world: World): string[] {
  const told: string[] = [];
  for (let round = 0; round < 20; round++) {
    const views = viewsOf(world);
    const before = new Map(world.hosts.map((host) => [host.hostId, host]));
    const plan = planUpdate(world.update, world.hosts, views, world.now, waveRules);
    world.update = plan.update;
    world.hosts = plan.hosts.map((host) => withReport(host, world.machines));
    told.push(
      ...plan.hosts.filter((host) => host.begun && before.get(host.hostId)?.begun !== true).map((h) => h.hostId),
    );
    if (plan.steps.length === 0) return told;
  }
  throw new Error(`it does not come to rest: ${JSON.stringify(world.update)}`);
}

function withReport(host: UpdateHost, machines: readonly Machine[]): UpdateHost {
  const report = machines.find((machine) => machine.hostId === host.hostId)?.report;
  return report === undefined ? host : { ...host, report };
}

/** The machine does the next thing of what it was told; nothing while it is away. */
export function machineDoes(world: World, machine: Machine): void {
  const host = world.hosts.find((one) => one.hostId === machine.hostId);
  if (host === undefined || !host.begun || machine.reach !== "reached" || isUpdateEnded(world.update.state)) return;
  const attempt = attemptOf(world.update.id, host);
  const stage = machine.report?.attempt === attempt ? machine.report.state : undefined;
  const next = nextState(machine.fate, stage);
  if (next === undefined) return;
  if (next === "lost") {
    machine.reach = "not-reached";
    return;
  }
  const times = { receivedAt: world.now, movedAt: world.now };
  const cause = next === "reverted" || next === "refused" ? "its own reason" : "";
  machine.report = { attempt, state: next, cause, code: "", bytesDone: 0, bytesTotal: 34, ...times };
  if (next === "succeeded") {
    machine.version = RELEASE.version;
    machine.build = { ...machine.build, commit: RELEASE.commit };
  }
  world.hosts = world.hosts.map((one) => withReport(one, [machine]));
}

function nextState(fate: Fate, stage: ReportState | undefined): ReportState | "lost" | undefined {
  if (fate === "mute" || fate === "cannot") return undefined;
  if (fate === "refuses") return stage === undefined ? "downloading" : stage === "downloading" ? "refused" : undefined;
  const order: readonly ReportState[] = ["downloading", "staged", "proving"];
  const at = stage === undefined ? -1 : order.indexOf(stage);
  if (stage !== undefined && at === -1) return undefined;
  if (fate === "stalls" && at === 0) return undefined;
  if (fate === "lost" && at === 2) return "lost";
  const next = order[at + 1];
  if (next !== undefined) return next;
  return fate === "reverts" ? "reverted" : "succeeded";
}
