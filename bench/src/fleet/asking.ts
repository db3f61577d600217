import { setTimeout as pause } from "node:timers/promises";
import type { Site } from "./site.ts";
import { percentile } from "./until.ts";

const BETWEEN_COMMANDS_MS = 15;

export interface CommandTimes {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Restarts a container of one host after the other, through the API: call → host → answer. */
export async function measureCommands(site: Site, count: number): Promise<CommandTimes> {
  const { api, organization } = site;
  const { containers = [] } = await api.containers.listContainers({ organization, page: { size: 500 } });
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const { hostId = "", id = "" } = containers[i % containers.length] ?? {};
    const began = performance.now();
    await api.containers.restartContainer({ organization, hostId, containerId: id });
    times.push(performance.now() - began);
    await pause(BETWEEN_COMMANDS_MS);
  }
  return { count: times.length, p50Ms: percentile(times, 50), p99Ms: percentile(times, 99) };
}

/** What the fleet page asks for: its first page, in every order, with each kind of filter, a late page, and the summary. */
const HOST_QUESTIONS: Readonly<Record<string, { filter?: string; orderBy?: string }>> = {
  first: {},
  "by presence": { orderBy: "presence" },
  "by last seen": { orderBy: "-last_seen_at" },
  "by processor": { orderBy: "-cpu_percent" },
  "a word": { filter: "host-1" },
  "a label": { filter: "site=site-3" },
  "a label of few": { filter: "group=rollout" },
  presence: { filter: "presence=online" },
  health: { filter: "health=ok" },
  drift: { filter: "drifted=yes" },
  "a stack": { filter: "stack=everywhere" },
  "an environment": { filter: "environment=prod site=site-3" },
  nothing: { filter: "no-such-host" },
};

export interface ListTimes {
  /** Over all questions. */
  readonly p95Ms: number;
  readonly byQuestion: Readonly<Record<string, number>>;
  readonly total: number;
}

export async function measureLists(site: Site, rounds: number): Promise<ListTimes> {
  const { api, organization } = site;
  const byQuestion: Record<string, number[]> = {};
  let total = 0;
  const timed = async (name: string, ask: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    await ask();
    (byQuestion[name] ??= []).push(performance.now() - began);
  };
  for (let round = -1; round < rounds; round++) {
    if (round === 0) for (const times of Object.values(byQuestion)) times.length = 0;
    for (const [name, question] of Object.entries(HOST_QUESTIONS)) {
      await timed(name, async () => {
        const page = await api.hosts.listHosts({ organization, page: { size: 100 }, ...question });
        if (name === "first") total = page.total ?? 0;
      });
    }
    await timed("summary", () => api.hosts.summarizeHosts({ organization }));
    await timed("summary by site", () => api.hosts.summarizeHosts({ organization, groupBy: "site" }));
    await timed("stacks", () => api.stacks.listStacks({ organization }));
    await timed("containers", () => api.containers.listContainers({ organization, page: { size: 100 } }));
  }
  return {
    total,
    p95Ms: percentile(Object.values(byQuestion).flat(), 95),
    byQuestion: Object.fromEntries(Object.entries(byQuestion).map(([name, times]) => [name, percentile(times, 95)])),
  };
}
