import type {
  AgentRelease,
  AgentUpdate,
  AgentUpdateHost,
  AgentUpdateHost_State,
  AgentUpdatePlan,
  Host,
  RolloutStrategy,
} from "@windflow/proto/client";
import { ago } from "./fixture-hosts.ts";
import { matches } from "./fixture-fleet.ts";
import type { Fields, Handler } from "./fixture-router.ts";
import { found, paged, sleep, text } from "./fixture-rows.ts";
import type { World } from "./fixture-world.ts";

const PROTOCOL = { protocolMin: 1, protocolMax: 3 };
const idOf = (digits: string): string => digits.repeat(32);

function makeReleases(hosts: number): AgentRelease[] {
  const share = (part: number): number => Math.round(hosts * part);
  return [
    {
      version: "0.3.0",
      commit: "4be17ac0d1",
      arches: ["x64", "arm64"],
      available: true,
      hosts: share(0.1),
      releasedAt: ago(190_000),
      id: idOf("a1"),
      ...PROTOCOL,
    },
    {
      version: "0.3.0-dev",
      commit: "77c01e52b9",
      development: true,
      arches: ["x64"],
      available: true,
      hosts: 1,
      releasedAt: ago(400_000),
      id: idOf("b2"),
      ...PROTOCOL,
    },
    {
      version: "0.2.1",
      commit: "09d1f3a7cc",
      arches: ["x64", "arm64"],
      available: false,
      problem: "SHA256SUMS.sig was not made by a release key: the signature does not match.",
      hosts: 0,
      releasedAt: ago(1_300_000),
      id: idOf("c3"),
      ...PROTOCOL,
    },
    {
      version: "0.2.0",
      commit: "e05d3f61ab",
      arches: [],
      available: false,
      hosts: share(0.7),
      id: idOf("d4"),
      ...PROTOCOL,
    },
    {
      version: "0.1.0",
      commit: "1f00c7be27",
      arches: [],
      available: false,
      hosts: share(0.2),
      id: idOf("e5"),
      protocolMin: 1,
      protocolMax: 1,
    },
  ];
}
const STRATEGY: RolloutStrategy = {
  waves: [
    { name: "canary", hosts: 1, pauseSeconds: 600 },
    { name: "tenth", percent: 10, needsApproval: true },
    { name: "rest", percent: 100, maxParallel: 50 },
  ],
  maxParallel: 20,
  failureBudget: 1,
  healthGate: { stableSeconds: 10 },
};
const CAUSES: Partial<Record<AgentUpdateHost_State, string>> = {
  STATE_NOT_REACHED: "not reached since 14:02; it is brought along when it returns",
  STATE_DOWNLOADING: "14.2 of 28.1 MiB, at 120 KiB/s as its link profile allows",
  STATE_STAGED: "checked and on the disk; the agent is about to change",
  STATE_PROVING: "0.3.0 runs; its new session must last 10 s",
  STATE_SUCCEEDED: "runs 0.3.0; its session lasted 10 s",
  STATE_REVERTED:
    "0.3.0 opened no session within 2 min: it could not reach wind.example:8443 (TLS handshake failed). 0.2.0 runs again.",
  STATE_REFUSED: "it was installed by other means: there are no slots to change (run install.sh once on it)",
};
type Place = (index: number, wave: number) => AgentUpdateHost_State;

function makeHosts(hosts: Host[], bounds: readonly [number, number], state: Place): AgentUpdateHost[] {
  return hosts.map((host, index): AgentUpdateHost => {
    const wave = index < bounds[0] ? 1 : index < bounds[1] ? 2 : 3;
    const word = state(index, wave);
    const done = word === "STATE_SUCCEEDED";
    return {
      hostId: host.id,
      hostName: host.name,
      wave,
      state: word,
      cause: CAUSES[word] ?? "",
      fromVersion: index % 9 === 4 ? "0.1.0" : "0.2.0",
      runningVersion: done || word === "STATE_PROVING" ? "0.3.0" : "0.2.0",
      ...(word === "STATE_PENDING" ? {} : { startedAt: ago(300 - Math.min(200, index)) }),
      ...(done || word === "STATE_REVERTED" ? { endedAt: ago(120 - Math.min(100, index)) } : {}),
      ...(word === "STATE_DOWNLOADING" ? { bytesDone: "14889779", bytesTotal: "29464985" } : {}),
      ...(word === "STATE_PENDING" && index % 7 === 6 ? { windowOpensAt: ago(-11_000) } : {}),
    };
  });
}
interface Made {
  update: AgentUpdate;
  hosts: AgentUpdateHost[];
}
function make(id: string, release: AgentRelease, hosts: AgentUpdateHost[], waves: string[], more: AgentUpdate): Made {
  const count = (list: AgentUpdateHost[], ...states: AgentUpdateHost_State[]): number =>
    list.filter((host) => states.includes(host.state!)).length;
  const update: AgentUpdate = {
    id,
    release,
    strategy: STRATEGY,
    createdAt: ago(900),
    createdBy: "camille@northwind.example",
    reason: "fixes the reconnect storm behind CGNAT",
    waves: STRATEGY.waves!.map((wave, index) => {
      const mine = hosts.filter((host) => host.wave === index + 1);
      return {
        number: index + 1,
        name: wave.name,
        state: waves[index],
        hostsTotal: mine.length,
        hostsSucceeded: count(mine, "STATE_SUCCEEDED"),
        hostsFailed: count(mine, "STATE_REVERTED", "STATE_REFUSED"),
        hostsNotReached: count(mine, "STATE_NOT_REACHED"),
        needsApproval: wave.needsApproval ?? false,
        pauseSeconds: wave.pauseSeconds ?? 0,
        ...(wave.needsApproval && ["running", "passed", "failed"].includes(waves[index]!)
          ? { approvedBy: "noor@northwind.example" }
          : {}),
      };
    }),
    hostsTotal: hosts.length,
    hostsSucceeded: count(hosts, "STATE_SUCCEEDED"),
    hostsFailed: count(hosts, "STATE_REVERTED", "STATE_REFUSED"),
    hostsNotReached: count(hosts, "STATE_NOT_REACHED"),
    hostsUnderWay: count(hosts, "STATE_DOWNLOADING", "STATE_STAGED", "STATE_PROVING"),
    hostsPending: count(hosts, "STATE_PENDING"),
    ...more,
  };
  return { update, hosts };
}
function makeUpdates(world: World, releases: AgentRelease[]): Made[] {
  const [release, development] = releases;
  if (release === undefined || world.hosts.length === 0) return [];
  const many = world.hosts.length > 1_000;
  const hosts = world.hosts.filter((host) => !host.awaitingApproval).slice(0, many ? 10_000 : 13);
  const bounds: [number, number] = many ? [1, 1_001] : [1, 5];
  const going = makeHosts(hosts, bounds, (index, wave) =>
    wave === 1
      ? "STATE_SUCCEEDED"
      : wave === 3
        ? "STATE_PENDING"
        : index % 37 === 2
          ? "STATE_REVERTED"
          : index % 13 === 4
            ? "STATE_NOT_REACHED"
            : (["STATE_DOWNLOADING", "STATE_STAGED", "STATE_PROVING", "STATE_SUCCEEDED"] as const)[index % 4]!,
  );
  const asked = makeHosts(hosts, bounds, (_, wave) => (wave === 1 ? "STATE_SUCCEEDED" : "STATE_PENDING"));
  const failed = makeHosts(hosts, bounds, (index, wave) =>
    wave === 3
      ? "STATE_CANCELLED"
      : index === 2 || index === 3
        ? "STATE_REVERTED"
        : index === 4
          ? "STATE_REFUSED"
          : "STATE_SUCCEEDED",
  );
  const all = makeHosts(hosts, bounds, () => "STATE_SUCCEEDED");
  return [
    make("upd_going", release, going, ["passed", "running", "pending"], {
      state: "STATE_RUNNING",
      currentWave: 2,
      summary: "2 updated, 1 went back to 0.2.0, 1 not reached since 14:02 UTC",
    }),
    make("upd_asked", release, asked, ["passed", "awaiting-approval", "pending"], {
      state: "STATE_WAITING",
      currentWave: 1,
      cause: "wave 2 waits for approval",
      createdAt: ago(90_000),
      summary: "1 updated",
    }),
    make("upd_failed", release, failed, ["passed", "failed", "cancelled"], {
      state: "STATE_FAILED",
      currentWave: 2,
      cause: "2 hosts went back to 0.2.0, and 1 is put up with: no further host was begun",
      createdAt: ago(190_000),
      endedAt: ago(189_000),
      summary: "2 updated, 2 went back to 0.2.0, 1 refused",
    }),
    make("upd_done", development!, all, ["passed", "passed", "passed"], {
      state: "STATE_SUCCEEDED",
      currentWave: 3,
      createdAt: ago(900_000),
      endedAt: ago(890_000),
      summary: `${all.length} updated`,
      reason: "",
    }),
  ];
}
function planned(world: World, releases: AgentRelease[], fields: Fields): AgentUpdatePlan {
  const release = found(
    releases.find((one) => one.id === fields["releaseId"]),
    "release",
  );
  const words = text(fields["filter"]).split(" ").filter(Boolean);
  const all = world.hosts.filter((host) => !host.awaitingApproval && words.every((word) => matches(host, word)));
  const able = all.filter((_, index) => index % 10 !== 9);
  const refused = makeHosts(
    all.filter((_, index) => index % 40 === 9),
    [0, 0],
    () => "STATE_REFUSED",
  );
  const waves = (fields["strategy"] as RolloutStrategy | undefined)?.waves ?? STRATEGY.waves!;
  let begun = 0;
  return {
    release,
    hostsAlready: all.length - able.length - refused.length,
    hostsRefused: refused.length,
    refused: refused.slice(0, 100),
    waves: (waves.length === 0 ? [{ percent: 100 }] : waves).map((wave, index) => {
      const size = "hosts" in wave ? wave.hosts! : Math.ceil(((wave.percent ?? 100) * able.length) / 100);
      const mine = able.slice(begun, begun + size);
      begun += mine.length;
      const away = mine.filter((host) => host.presence !== "PRESENCE_ONLINE").length;
      const rows = makeHosts(mine.slice(0, 100), [0, 0], (at) =>
        mine[at]!.presence === "PRESENCE_ONLINE" ? "STATE_PENDING" : "STATE_NOT_REACHED",
      );
      return {
        number: index + 1,
        name: wave.name ?? "",
        hostsTotal: mine.length,
        hostsNotReached: away,
        needsApproval: wave.needsApproval ?? false,
        pauseSeconds: wave.pauseSeconds ?? 0,
        hosts: rows,
      };
    }),
  };
}

/** Releases of the agent and bringing them to hosts, from a world in memory. */
export function makeUpdateHandlers(world: World): Record<string, Handler> {
  const releases = world.name === "empty" ? [] : makeReleases(world.hosts.length);
  const updates = makeUpdates(world, releases);
  const one = (fields: Fields): Made =>
    found(
      updates.find(({ update }) => update.id === fields["updateId"]),
      "update",
    );
  const set = (fields: Fields, change: AgentUpdate): AgentUpdate => Object.assign(one(fields).update, change);
  return {
    "agentUpdates.listAgentReleases": () => ({ releases }),
    "agentUpdates.listAgentUpdates": ({ page }) => {
      const { rows, nextPageToken } = paged(
        updates.map(({ update }) => update),
        page,
      );
      return { updates: rows, nextPageToken };
    },
    "agentUpdates.planAgentUpdate": async (fields) => {
      await sleep(300);
      return planned(world, releases, fields);
    },
    "agentUpdates.createAgentUpdate": () => updates[0]!.update,
    "agentUpdates.getAgentUpdate": (fields) => one(fields).update,
    "agentUpdates.watchAgentUpdate": async function* (fields, { signal }): AsyncGenerator<AgentUpdate> {
      while (!signal.aborted) {
        yield one(fields).update;
        await sleep(1_000);
      }
    },
    "agentUpdates.listAgentUpdateHosts": (fields) => {
      const states = [fields["states"] ?? []].flat() as string[];
      const wave = Number(fields["wave"] ?? 0);
      const fits = one(fields).hosts.filter(
        (host) =>
          (states.length === 0 || states.includes(host.state!)) &&
          (wave === 0 || host.wave === wave) &&
          host.hostName!.includes(text(fields["nameContains"])),
      );
      const { rows, ...rest } = paged(fits, fields["page"]);
      return { hosts: rows, ...rest };
    },
    "agentUpdates.pauseAgentUpdate": (fields) =>
      set(fields, { state: "STATE_PAUSED", cause: `camille paused it: ${text(fields["reason"])}` }),
    "agentUpdates.resumeAgentUpdate": (fields) => set(fields, { state: "STATE_RUNNING", cause: "" }),
    "agentUpdates.retryAgentUpdate": (fields) => set(fields, { state: "STATE_RUNNING", cause: "" }),
    "agentUpdates.cancelAgentUpdate": (fields) => set(fields, { state: "STATE_CANCELLED", endedAt: ago(0) }),
    "agentUpdates.approveAgentUpdateWave": (fields) => {
      const wave = one(fields).update.waves?.[Number(fields["wave"]) - 1];
      Object.assign(wave ?? {}, { state: "running", approvedBy: "camille@northwind.example" });
      return set(fields, { state: "STATE_RUNNING", cause: "", currentWave: Number(fields["wave"]) });
    },
  };
}
