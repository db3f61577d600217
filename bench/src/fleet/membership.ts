import { MISDEEDS } from "./hostile.ts";
import type { Scale } from "./scale.ts";
import type { Site } from "./site.ts";
import type { Workers } from "./workers.ts";

/** What all hosts have but those that misbehave, and what those of the measured rollout have. */
export const EVERYWHERE_LABELS = { fleet: "simulated" };
export const ROLLOUT_LABELS = { group: "rollout" };
const GROUPS = 20;
const SITES = 7;
const TOKEN_SECONDS = 3600;

/** Seconds of processor that letting one host in cost. */
export interface EnrolmentCost {
  readonly seconds: number;
  readonly processorMsPerHost: number;
  readonly databaseMsPerHost: number;
}

/** Lets the hosts in, each by the public way with a key of its own; in groups that have labels and a token each. */
export async function enrolAll(site: Site, workers: Workers, scale: Scale): Promise<EnrolmentCost> {
  const before = site.use();
  const groups = groupsOf(scale);
  // A row of tokens is locked by each use: several at once do not wait for each other.
  const lines = Array.from({ length: workers.count }, (_, worker) =>
    groups.filter((_group, i) => i % workers.count === worker),
  );
  await Promise.all(
    lines.map(async (line, worker) => {
      for (const group of line) await enrolGroup(site, workers, worker, group);
    }),
  );
  const after = site.use();
  // Last, so that no agent runs with their identities.
  await enrolGroup(site, workers, 0, { name: "hostile", hosts: MISDEEDS.length, labels: { group: "hostile" } });
  const perHost = (seconds: number): number => (seconds * 1000) / scale.agents;
  return {
    seconds: (after.atMs - before.atMs) / 1000,
    processorMsPerHost: perHost(after.processorSeconds - before.processorSeconds),
    databaseMsPerHost: perHost(after.databaseSeconds - before.databaseSeconds),
  };
}

interface Group {
  readonly name: string;
  readonly hosts: number;
  readonly labels: Record<string, string>;
}

function groupsOf(scale: Scale): Group[] {
  const of = (prefix: string, hosts: number, labels: Record<string, string>): Group[] =>
    Array.from({ length: GROUPS }, (_, i) => ({
      name: `${prefix}-${i}`,
      hosts: Math.floor(hosts / GROUPS) + (i < hosts % GROUPS ? 1 : 0),
      labels: { ...EVERYWHERE_LABELS, ...labels, site: `site-${i % SITES}` },
    })).filter((group) => group.hosts > 0);
  return [
    ...of("rolled", scale.rolloutHosts, ROLLOUT_LABELS),
    ...of("host", scale.agents - scale.rolloutHosts, { group: "other" }),
  ];
}

async function enrolGroup(site: Site, workers: Workers, worker: number, group: Group): Promise<void> {
  const { organization } = site;
  const { name, hosts, labels } = group;
  const wanted = { organization, name, labels, maxUses: hosts, skipApproval: true, expiresInSeconds: TOKEN_SECONDS };
  const { secret = "" } = await site.api.enrollmentTokens.createEnrollmentToken(wanted);
  const hostnames = Array.from({ length: hosts }, (_, i) => `${name}-${String(i).padStart(4, "0")}`);
  await workers.one(worker, "enrol", { token: secret, hostnames });
}
