import type {
  Host,
  Rollout,
  RolloutHost,
  RolloutHost_State,
  RolloutStrategy,
  RolloutWave,
  Stack,
} from "@windflow/proto/client";
import { ago, serviceStatuses } from "./fixture-hosts.ts";

const STRATEGY: RolloutStrategy = {
  waves: [
    { name: "canary", hosts: 1, pauseSeconds: 300 },
    { name: "quarter", percent: 25, needsApproval: true, pauseSeconds: 600 },
    { name: "rest", percent: 100, maxParallel: 50 },
  ],
  maxParallel: 10,
  failureBudget: 1,
  onFailure: "ON_FAILURE_ROLL_BACK",
  healthGate: {
    stableSeconds: 30,
    probes: [{ service: "web", http: { port: 8080, path: "/healthz" }, successes: 3 }],
    metricConditions: [{ column: "cpu_percent", service: "web", comparison: "COMPARISON_BELOW", value: 80 }],
  },
};
type Place = (index: number, wave: number) => RolloutHost_State;

function makeHosts(stack: Stack, hosts: Host[], bounds: readonly [number, number], state: Place): RolloutHost[] {
  return hosts.map((host, index) => {
    const wave = index < bounds[0] ? 1 : index < bounds[1] ? 2 : 3;
    const word = state(index, wave);
    const failed = word === "STATE_FAILED" || word === "STATE_ROLLBACK_FAILED";
    return {
      hostId: host.id,
      hostName: host.name,
      state: word,
      wave,
      previousRevision: index % 9 === 8 ? 0 : 6,
      cause: CAUSES[word] ?? "",
      ...(word === "STATE_PENDING" ? {} : { startedAt: ago(400 - Math.min(300, index)) }),
      ...(word === "STATE_SUCCEEDED" ? { endedAt: ago(200 - Math.min(150, index)) } : {}),
      currentStep: word === "STATE_APPLYING" ? "recreate-container shop-web-1: the image of web changed" : "",
      probes:
        word === "STATE_PENDING" || word === "STATE_NOT_REACHED"
          ? []
          : [
              {
                service: "web",
                name: "http :8080/healthz",
                passed: !failed,
                cause: failed ? "connection refused after 3 ms" : "200 in 4 ms",
                at: ago(3),
                successes: failed ? 0 : 3,
              },
            ],
      services: index < 20 ? serviceStatuses(stack.name!, failed) : [],
    };
  });
}
const CAUSES: Partial<Record<RolloutHost_State, string>> = {
  STATE_FAILED:
    "web exited with code 1 six times in 60 s; the previous container runs again. Last line: “dial tcp 10.0.3.4:5432: connection refused”.",
  STATE_NOT_REACHED: "not reached since 14:02; it is brought along when it returns",
  STATE_ROLLED_BACK: "runs revision 6 again, as before this rollout",
  STATE_ROLLBACK_FAILED: "revision 6 did not start: port 8080 is taken by another program",
};
function wavesOf(hosts: RolloutHost[], states: RolloutWave["state"][]): RolloutWave[] {
  return STRATEGY.waves!.map((wave, index): RolloutWave => {
    const mine = hosts.filter((host) => host.wave === index + 1);
    const count = (state: RolloutHost_State): number => mine.filter((host) => host.state === state).length;
    const passed = states[index] === "STATE_PASSED";
    return {
      number: index + 1,
      name: wave.name,
      state: states[index],
      hostsTotal: mine.length,
      hostsSucceeded: count("STATE_SUCCEEDED"),
      hostsFailed: count("STATE_FAILED"),
      hostsNotReached: count("STATE_NOT_REACHED"),
      needsApproval: wave.needsApproval ?? false,
      pauseSeconds: wave.pauseSeconds ?? 0,
      ...(states[index] === "STATE_PENDING" || states[index] === "STATE_AWAITING_APPROVAL"
        ? {}
        : { startedAt: ago(700 - index * 200) }),
      ...(passed ? { passedAt: ago(560 - index * 200) } : {}),
      ...(wave.needsApproval && (passed || states[index] === "STATE_RUNNING")
        ? { approvedBy: "noor@northwind.example", approvedAt: ago(400) }
        : {}),
    };
  });
}
function make(id: string, stack: Stack, hosts: RolloutHost[], waves: RolloutWave[], more: Rollout): Rollout {
  const count = (...states: RolloutHost_State[]): number => hosts.filter((host) => states.includes(host.state!)).length;
  return {
    id,
    stackId: stack.id,
    stackName: stack.name,
    revision: 7,
    kind: "KIND_DEPLOY",
    createdAt: ago(900),
    startedAt: ago(890),
    createdBy: "camille@northwind.example",
    origin: "person",
    reason: "security fix of the base image",
    strategy: STRATEGY,
    hosts,
    waves,
    hostsTotal: hosts.length,
    hostsSucceeded: count("STATE_SUCCEEDED"),
    hostsFailed: count("STATE_FAILED", "STATE_ROLLBACK_FAILED"),
    hostsNotReached: count("STATE_NOT_REACHED"),
    hostsPending: count("STATE_PENDING"),
    hostsUnderWay: count("STATE_APPLYING", "STATE_CHECKING_HEALTH", "STATE_ROLLING_BACK"),
    hostsRolledBack: count("STATE_ROLLED_BACK"),
    ...more,
  };
}

/** A message carries so many, those that failed or are under way first. */
const CARRIED = 1_000;
/** All hosts of a rollout that is larger than its message, by the rollout's id. */
export const HOSTS_OF_LARGE = new Map<string, RolloutHost[]>();
const WEIGHT: Partial<Record<RolloutHost_State, number>> = {
  STATE_FAILED: 0,
  STATE_APPLYING: 1,
  STATE_CHECKING_HEALTH: 1,
};
function carry(rollout: Rollout): Rollout {
  const hosts = rollout.hosts ?? [];
  HOSTS_OF_LARGE.set(rollout.id ?? "", hosts);
  const weight = (host: RolloutHost): number => WEIGHT[host.state ?? "STATE_PENDING"] ?? 2;
  return { ...rollout, hosts: hosts.toSorted((a, b) => weight(a) - weight(b)).slice(0, CARRIED) };
}

/** Rollouts in each of the states that waves bring, of a few hosts, of 1,200 and of all. */
export function makeWaveRollouts(stacks: Stack[], hosts: Host[]): Rollout[] {
  const [stack] = stacks;
  if (stack === undefined) return [];
  const some = hosts.slice(0, 14);
  const many = hosts.slice(0, 1_200);
  const made = (list: Host[], bounds: readonly [number, number], state: Place): RolloutHost[] =>
    makeHosts(stack, list, bounds, state);
  const approval = made(some, [1, 5], (index, wave) =>
    wave === 1 ? "STATE_SUCCEEDED" : index === 4 ? "STATE_NOT_REACHED" : "STATE_PENDING",
  );
  const pausing = made(some, [1, 5], (index, wave) =>
    wave === 3 ? "STATE_PENDING" : index === 4 ? "STATE_NOT_REACHED" : "STATE_SUCCEEDED",
  );
  const failed = made(some, [1, 5], (index, wave) =>
    wave === 3 ? "STATE_PENDING" : index === 2 || index === 3 ? "STATE_FAILED" : "STATE_SUCCEEDED",
  );
  const back = made(some, [1, 5], (index, wave) =>
    wave === 3 ? "STATE_CANCELLED" : index === 3 ? "STATE_ROLLBACK_FAILED" : "STATE_ROLLED_BACK",
  );
  const large = made(many, [12, 312], (index, wave) =>
    wave === 3
      ? "STATE_PENDING"
      : index % 97 === 5
        ? "STATE_FAILED"
        : index % 41 === 7
          ? "STATE_NOT_REACHED"
          : index < 200
            ? "STATE_SUCCEEDED"
            : index % 3
              ? "STATE_APPLYING"
              : "STATE_CHECKING_HEALTH",
  );
  const every = made(hosts, [12, 312], (index, wave) =>
    wave === 3
      ? "STATE_PENDING"
      : index % 97 === 5
        ? "STATE_FAILED"
        : index < 200
          ? "STATE_SUCCEEDED"
          : index % 3
            ? "STATE_APPLYING"
            : "STATE_CHECKING_HEALTH",
  );
  return [
    carry(
      make("rol_all", stack, every, wavesOf(every, ["STATE_PASSED", "STATE_RUNNING", "STATE_PENDING"]), {
        state: "STATE_RUNNING",
        currentWave: 2,
      }),
    ),
    make(
      "rol_approval",
      stack,
      approval,
      wavesOf(approval, ["STATE_PASSED", "STATE_AWAITING_APPROVAL", "STATE_PENDING"]),
      {
        state: "STATE_WAITING",
        waitingFor: "WAIT_APPROVAL",
        currentWave: 1,
        cause: "wave 2 waits for approval",
      },
    ),
    make("rol_pause", stack, pausing, wavesOf(pausing, ["STATE_PASSED", "STATE_PASSED", "STATE_PENDING"]), {
      state: "STATE_WAITING",
      waitingFor: "WAIT_PAUSE",
      waitingUntil: ago(-372),
      currentWave: 2,
    }),
    make("rol_window", stack, pausing, wavesOf(pausing, ["STATE_PASSED", "STATE_PASSED", "STATE_RUNNING"]), {
      state: "STATE_WAITING",
      waitingFor: "WAIT_WINDOW",
      waitingUntil: ago(-11_000),
      currentWave: 3,
    }),
    make("rol_stopped", stack, failed, wavesOf(failed, ["STATE_PASSED", "STATE_FAILED", "STATE_PENDING"]), {
      state: "STATE_FAILED",
      cause: "2 hosts failed, and 1 is put up with: no further host was begun",
      endedAt: ago(30),
      currentWave: 2,
    }),
    make("rol_paused", stack, failed, wavesOf(failed, ["STATE_PASSED", "STATE_RUNNING", "STATE_PENDING"]), {
      state: "STATE_PAUSED",
      cause: "camille@northwind.example paused it: lunch",
      currentWave: 2,
    }),
    make("rol_back", stack, back, wavesOf(back, ["STATE_ROLLED_BACK", "STATE_ROLLED_BACK", "STATE_CANCELLED"]), {
      state: "STATE_ROLLED_BACK",
      cause: "2 hosts failed, and 1 is put up with: the touched hosts run again what they ran before",
      endedAt: ago(30),
      currentWave: 2,
    }),
    make("rol_large", stack, large, wavesOf(large, ["STATE_PASSED", "STATE_RUNNING", "STATE_PENDING"]), {
      state: "STATE_RUNNING",
      currentWave: 2,
      cause: "wave 2 of 3: 188 of 300 hosts have passed",
    }),
  ];
}
