import { announce, recordEvent, type Severity } from "../events/index.ts";
import { listHostSummaries } from "../hosts/index.ts";
import type { NewId, UnitOfWork } from "../platform/index.ts";
import { readStackNames } from "../stacks/index.ts";
import type { Drift } from "./model.ts";

/** Tells watchers that a drift has changed. */
export function announceDrift(tx: UnitOfWork, drift: Drift, change: "created" | "updated", at: Date): void {
  const { organizationId, id, hostId, stackId } = drift;
  announce(tx, { organizationId, kind: "drift", id, parentId: hostId, change, at });
  announce(tx, { organizationId, kind: "stack", id: stackId, change: "updated", at });
}

/** Writes a sentence about a drift into the history; `{stack}` and `{host}` in it become names. */
export async function recordDrift(
  tx: UnitOfWork,
  newId: NewId,
  told: {
    readonly drift: Drift;
    readonly type: string;
    readonly sentence: string;
    readonly severity: Severity;
    readonly actor: string;
    readonly at: Date;
  },
): Promise<void> {
  const { drift, type, sentence, severity, actor, at } = told;
  const { organizationId, stackId, hostId } = drift;
  const { stackName, hostName } = await namesOf(tx, drift);
  const message = sentence.replace("{stack}", stackName).replace("{host}", hostName);
  await recordEvent(tx, { id: newId("evt"), organizationId, at, type, message, severity, actor, stackId, hostId });
}

export async function namesOf(
  tx: UnitOfWork,
  { stackId, hostId }: Pick<Drift, "stackId" | "hostId">,
): Promise<{ stackName: string; hostName: string }> {
  const [host] = await listHostSummaries(tx, { hostIds: [hostId] });
  const names = await readStackNames(tx, [stackId]);
  return { stackName: names.get(stackId) ?? stackId, hostName: host?.name ?? hostId };
}
