import type { Drift, FleetMetrics, Host, PlanStep } from "@windflow/proto/client";
import { FixtureProblem, type Handler } from "./fixture-router.ts";
import { matches } from "./fixture-fleet.ts";
import { ago } from "./fixture-hosts.ts";
import { found, paged, sleep, text } from "./fixture-rows.ts";
import type { World } from "./fixture-world.ts";

const PLANS: PlanStep[][] = [
  [{ op: "create-container", target: "container shop-web-1", cause: "it was removed by hand at 14:02" }],
  [
    { op: "stop-container", target: "container shop-api-1", cause: "it runs image 4.1.0 and must run 4.0.2" },
    { op: "recreate-container", target: "container shop-api-1", cause: "it runs image 4.1.0 and must run 4.0.2" },
  ],
  [{ op: "recreate-container", target: "container telemetry-collector-1", cause: "env LOG_LEVEL changed" }],
];
const formatted = (steps: PlanStep[]): string =>
  steps.map((step) => `${step.op} ${step.target}: ${step.cause}`).join("\n");

function makeDrifts(world: World): Drift[] {
  if (world.hosts.length === 0) return [];
  const states = [
    "STATE_OPEN",
    "STATE_OPEN",
    "STATE_OPEN",
    "STATE_CORRECTING",
    "STATE_CORRECTED",
    "STATE_GONE",
  ] as const;
  return states.map((state, index): Drift => {
    const host = world.hosts[[5, 0, 2, 6, 8, 3][index]!]!;
    const stack = world.stacks[index % 2]!;
    const steps = PLANS[index % PLANS.length]!;
    const isOver = index > 3;
    return {
      id: `dft_${index}`,
      stackId: stack.id,
      stackName: stack.name,
      hostId: host.id,
      hostName: host.name,
      revision: 6,
      state,
      steps,
      text: formatted(steps),
      foundAt: ago(60 + index * 1_900),
      ...(isOver ? { endedAt: ago(index * 700) } : {}),
      endedBy: index === 4 ? "camille@northwind.example" : "",
      problem: index === 2 ? "registry.northwind.example is not reached, and the image is not on the host" : "",
    };
  });
}

/** What differs on hosts, and figures of many hosts. */
export function makeDriftHandlers(world: World): Record<string, Handler> {
  let drifts = makeDrifts(world);
  const drift = (id: unknown): Drift =>
    found(
      drifts.find((one) => one.id === id),
      "difference",
    );
  const change = (id: unknown, part: Drift): Drift => {
    const next = { ...drift(id), ...part };
    drifts = drifts.map((one) => (one.id === id ? next : one));
    return next;
  };
  return {
    "drift.listDrifts": ({ stackId, hostId, ended, page }) => {
      const isNow = ({ state }: Drift): boolean => state === "STATE_OPEN" || state === "STATE_CORRECTING";
      const fits = drifts.filter(
        (one) =>
          (!stackId || one.stackId === stackId) &&
          (!hostId || one.hostId === hostId) &&
          (String(ended) === "true" || isNow(one)),
      );
      const { rows, nextPageToken } = paged(fits, page);
      return { drifts: rows, nextPageToken, open: drifts.filter(({ state }) => state === "STATE_OPEN").length };
    },
    "drift.correctDrift": async ({ driftId }) => {
      await sleep(300);
      if (drift(driftId).problem)
        throw new FixtureProblem(
          409,
          "WF_DRIFT_NOT_CORRECTABLE",
          "The image of the difference is on no registry that is reached.",
        );
      return change(driftId, { state: "STATE_CORRECTING" });
    },
    "drift.acceptDrift": async ({ driftId }) => {
      await sleep(300);
      change(driftId, { state: "STATE_ACCEPTED", endedAt: ago(0), endedBy: world.me.email });
      return {
        revision: 8,
        notes: [
          {
            severity: "SEVERITY_WARNING",
            keyPath: "services.web.depends_on",
            what: "What web waits for cannot be told from its containers.",
            why: "An engine does not keep it.",
            fix: "It is taken from revision 6; look whether that still holds.",
          },
        ],
      };
    },
    "metrics.queryFleetMetrics": (fields) => fleetMetrics(world, fields),
  };
}

const STEPS_WANTED = 288;
const FINEST_S = 300;
function fleetMetrics(world: World, fields: Record<string, unknown>): FleetMetrics {
  const [from, to] = [Date.parse(text(fields["from"])), Date.parse(text(fields["to"]))];
  const words = text(fields["hostFilter"]).split(" ").filter(Boolean);
  const hosts = world.hosts.filter((host) => words.every((word) => matches(host, word)));
  const stepSeconds = FINEST_S * Math.max(1, Math.ceil((to - from) / 1000 / FINEST_S / STEPS_WANTED));
  const atMs = Array.from(
    { length: Math.floor((to - from) / 1000 / stepSeconds) },
    (_, at) => from + at * stepSeconds * 1000,
  );
  const groupBy = text(fields["groupBy"]);
  const nameOf = (host: Host): string =>
    groupBy === "@host" ? host.name! : groupBy === "" ? "" : (host.labels?.[groupBy] ?? "");
  const isBytes = text(fields["column"]).includes("bytes");
  const groups = [...Map.groupBy(hosts, nameOf)].toSorted(([a], [b]) => a.localeCompare(b)).slice(0, 200);
  const until = Date.now() - 700_000;
  return {
    atMs,
    stepSeconds,
    unit: text(fields["column"]).endsWith("_percent") ? "percent" : isBytes ? "bytes" : "load",
    completeUntil: new Date(until).toISOString(),
    series: groups.map(([group, members], index) => ({
      group,
      values: atMs.map((at) => {
        const day = Math.sin(at / 13_750_000 + index) * 14 + Math.sin(at / 900_000 + index * 2) * 5;
        const isGap = (index === 1 && at % 7_200_000 < 900_000) || at > until + 500_000;
        return isGap ? Number.NaN : (42 + day + index * 3) * (isBytes ? 40_000_000 : 1);
      }),
      counts: atMs.map(() => members.length),
    })),
  };
}
