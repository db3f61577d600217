import type {
  HostPlacement,
  MaintenanceWindow,
  PlannedHost,
  RevisionDiff,
  RolloutPlan,
  WindowRule,
} from "@windflow/proto/client";
import { plan } from "./fixture-answers.ts";
import { ago } from "./fixture-hosts.ts";
import type { Fields, Handler } from "./fixture-router.ts";
import { found, paged, text } from "./fixture-rows.ts";
import { HOSTS_OF_LARGE } from "./fixture-waves.ts";
import type { World } from "./fixture-world.ts";

/** Rollouts in waves, maintenance windows, placement and comparisons, from a world in memory. */
export function makeRollingHandlers(world: World): Record<string, Handler> {
  const rollout = (fields: Fields) =>
    found(
      world.rollouts.find((one) => one.id === fields["rolloutId"]),
      "rollout",
    );
  const set = (fields: Fields, change: object): object => Object.assign(rollout(fields), change);
  const windows = world.name === "empty" ? [] : makeWindows();
  return {
    "rollouts.planRollout": ({ stackId, strategy, withoutSteps }) =>
      planned(world, String(stackId), strategy as RolloutPlan["strategy"], withoutSteps === true),
    "rollouts.listRolloutHosts": (fields) => {
      const states = [fields["states"] ?? []].flat() as string[];
      const wave = Number(fields["wave"] ?? 0);
      const all = HOSTS_OF_LARGE.get(String(fields["rolloutId"])) ?? rollout(fields).hosts ?? [];
      const fits = all.filter(
        (host) =>
          (states.length === 0 || states.includes(host.state!)) &&
          (wave === 0 || host.wave === wave) &&
          host.hostName!.includes(text(fields["nameContains"])),
      );
      const { rows, ...rest } = paged(fits, fields["page"]);
      return { hosts: rows, ...rest };
    },
    "rollouts.pauseRollout": (fields) =>
      set(fields, { state: "STATE_PAUSED", cause: `camille paused it: ${String(fields["reason"])}` }),
    "rollouts.resumeRollout": (fields) => set(fields, { state: "STATE_RUNNING", cause: "" }),
    "rollouts.retryRollout": (fields) => set(fields, { state: "STATE_RUNNING", cause: "" }),
    "rollouts.rollBackRollout": (fields) => set(fields, { state: "STATE_ROLLING_BACK", cause: "" }),
    "rollouts.approveWave": (fields) => {
      const wave = rollout(fields).waves?.[Number(fields["wave"]) - 1];
      Object.assign(wave ?? {}, { state: "STATE_RUNNING", approvedBy: "camille@northwind.example", startedAt: ago(0) });
      return set(fields, {
        state: "STATE_RUNNING",
        waitingFor: "WAIT_UNSPECIFIED",
        currentWave: fields["wave"],
        cause: "",
      });
    },
    "stacks.explainPlacement": ({ page }) => {
      const { rows, nextPageToken, total } = paged(explained(world), page);
      return {
        hosts: rows,
        nextPageToken,
        total,
        chosen: 3,
        wanted: 4,
        short: "1 of 4 hosts is missing: no other host has 2 GiB of memory free.",
      };
    },
    "stacks.diffRevisions": () => DIFF,
    "maintenanceWindows.listMaintenanceWindows": () => ({ windows }),
    "maintenanceWindows.createMaintenanceWindow": ({ rule }) => {
      const next: MaintenanceWindow = {
        id: `win_${windows.length}`,
        rule: rule as WindowRule,
        etag: "1",
        open: false,
        nextChangeAt: ago(-9_000),
        hosts: 4,
      };
      windows.push(next);
      return next;
    },
    "maintenanceWindows.updateMaintenanceWindow": ({ windowId, rule }) =>
      Object.assign(
        found(
          windows.find((one) => one.id === windowId),
          "window",
        ),
        { rule },
      ),
    "maintenanceWindows.deleteMaintenanceWindow": ({ windowId }) =>
      void windows.splice(
        windows.findIndex((one) => one.id === windowId),
        1,
      ),
  };
}

function planned(world: World, stackId: string, strategy: RolloutPlan["strategy"], bare: boolean): RolloutPlan {
  const hosts = world.hosts.slice(0, world.name === "large" ? 1_200 : 6);
  const name = world.stacks.find((one) => one.id === stackId)?.name ?? "";
  const all = hosts.map((host, index): PlannedHost => {
    const away = host.presence !== "PRESENCE_ONLINE";
    return {
      hostId: host.id,
      hostName: host.name,
      currentRevision: index === 3 ? 0 : 6,
      leaving: index === 5,
      because: index === 5 ? "site is lyon now" : "site=paris matches",
      notReached: away ? "not reached since 14:02, last observed at 14:01" : "",
      conflicts: index === 1 ? ["port 8080 is taken by legacy-web-1, which WindFlow does not run"] : [],
      ...(index === 2 ? { windowOpensAt: ago(-11_000) } : {}),
      ...(bare || away ? {} : { plan: plan(host, name, index) }),
    };
  });
  const sizes = (strategy?.waves ?? []).map(
    (wave) => wave.hosts ?? Math.ceil(((wave.percent ?? 10) * all.length) / 100),
  );
  let begun = 0;
  const waves = (sizes.length === 0 ? [all.length] : sizes).map((size, index) => {
    const mine = all.slice(begun, begun + size);
    begun += size;
    const wave = strategy?.waves?.[index];
    return {
      number: index + 1,
      name: wave?.name ?? "",
      needsApproval: wave?.needsApproval ?? false,
      pauseSeconds: wave?.pauseSeconds ?? 0,
      hosts: mine,
    };
  });
  return {
    waves,
    revision: 7,
    strategy,
    hostsTotal: all.length,
    hostsNotReached: all.filter((one) => one.notReached).length,
    hostsInConflict: 1,
    supersedesRolloutId: stackId === "stk_0" ? "rol_0" : "",
  };
}
function explained(world: World): HostPlacement[] {
  const REASONS: [boolean, string, string][] = [
    [true, "stays", "It runs the stack already, and nothing moves without need."],
    [true, "placed", "Rack b2 had the fewest copies; of its hosts it has the most free memory."],
    [true, "placed", "Rack c1 had none."],
    [false, "memory", "512 MiB of memory are free, and 2 GiB are asked for."],
    [false, "expression", "site is lyon, and site in (paris, nantes) is asked for."],
    [false, "cordoned", "It is cordoned: nothing new is placed on it."],
    [false, "disk", "3.1 GiB are free on the engine's disk, and 10 GiB are asked for."],
  ];
  return world.hosts.map((host, index) => {
    const [chosen, reason, because] = REASONS[index % REASONS.length]!;
    return { hostId: host.id, hostName: host.name, chosen: chosen && index < 3, reason, because };
  });
}
function makeWindows(): MaintenanceWindow[] {
  const rule = (name: string, more: WindowRule): WindowRule => ({
    name,
    timeZone: "Europe/Paris",
    opensAt: "22:00",
    durationMinutes: 360,
    ...more,
  });
  return [
    {
      id: "win_0",
      etag: "1",
      open: false,
      hosts: 412,
      nextChangeAt: ago(-11_000),
      rule: rule("Plants, at night", {
        weekdays: [1, 2, 3, 4, 5],
        expressions: [{ key: "kind", operator: "OPERATOR_IN", values: ["plant", "warehouse"] }],
      }),
    },
    {
      id: "win_1",
      etag: "1",
      open: true,
      hosts: 3,
      nextChangeAt: ago(-5_200),
      rule: rule("Shops before they open", {
        opensAt: "05:30",
        durationMinutes: 120,
        timeZone: "America/Montreal",
        expressions: [{ key: "kind", operator: "OPERATOR_EQUALS", values: ["shop"] }],
      }),
    },
    {
      id: "win_2",
      etag: "1",
      open: false,
      hosts: 0,
      rule: rule("Inventory weekend", { weekdays: [6, 7], durationMinutes: 2_880, opensAt: "00:00", disabled: true }),
    },
  ];
}
const DIFF: RevisionDiff = {
  files: [
    {
      path: "compose.yaml",
      change: "changed",
      unified:
        '--- a/compose.yaml\n+++ b/compose.yaml\n@@ -1,7 +1,8 @@\n services:\n   web:\n-    image: nginx:1.28-alpine\n+    image: nginx:1.29-alpine\n     ports: ["8080:80"]\n+    mem_limit: 256m\n     healthcheck:\n       test: [CMD, wget, -qO-, localhost]\n',
    },
    {
      path: "conf/extra.conf",
      change: "added",
      unified: "--- /dev/null\n+++ b/conf/extra.conf\n@@ -0,0 +1,2 @@\n+gzip on;\n+keepalive_timeout 30s;\n",
    },
    { path: "site/logo.png", change: "changed", unified: "" },
  ],
  model:
    '--- revision 6\n+++ revision 7\n@@ -2,5 +2,6 @@\n services:\n   web:\n-    image: nginx:1.28-alpine\n+    image: nginx:1.29-alpine\n+    mem_limit: "268435456"\n     networks:\n',
  variables: [
    { name: "DB_PASSWORD", change: "changed", secret: true },
    { name: "HTTP_PORT", change: "added", secret: false },
  ],
  images: [
    {
      reference: "nginx:1.29-alpine",
      fromDigest: "",
      toDigest: "sha256:5f7e3b1c9d7a5f7e3b1c9d7a5f7e3b1c9d7a5f7e3b1c9d7a5f7e3b1c9d7a0000",
    },
  ],
  sameBody: false,
};
