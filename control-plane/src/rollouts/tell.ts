import { announce, recordEvents, type IdentifiedEvent } from "../events/index.ts";
import type { NewId, UnitOfWork } from "../platform/index.ts";
import { stackRolledOut } from "../stacks/index.ts";
import type { Standing } from "./after-plan.ts";
import { rolloutTouched } from "./events.ts";
import { isEnded, type RolloutState } from "./model.ts";
import { waveState } from "./wave-state.ts";
import type { StoredRollout } from "./store.ts";

type Told = Pick<IdentifiedEvent, "type" | "message" | "severity">;

/** Tells watchers, the history and the stack what became of a rollout. */
export async function tellRollout(
  tx: UnitOfWork,
  before: Standing,
  after: Standing,
  { newId, at }: { readonly newId: NewId; readonly at: Date },
): Promise<void> {
  if (after === before) return;
  const { rollout } = after;
  const { id, organizationId, stackId } = rollout;
  tx.emit(rolloutTouched, { organizationId, rolloutId: id });
  announce(tx, { organizationId, kind: "rollout", id, parentId: stackId, change: "updated", at });
  const changed = before.rollout.state !== rollout.state;
  if (changed) announce(tx, { organizationId, kind: "stack", id: stackId, change: "updated", at });
  if (changed && isEnded(rollout.state)) await settle(tx, after, at);
  const told = [...waveEvents(before, after), ...stateEvents(before.rollout, rollout)];
  const common = { organizationId, at, actor: "system", stackId };
  await recordEvents(
    tx,
    told.map((event) => ({ ...common, ...event, id: newId("evt") })),
  );
}

/** A rollout of one wave tells it by its own states. */
function waveEvents(before: Standing, { rollout, hosts }: Standing): Told[] {
  if (rollout.waves.length < 2) return [];
  return rollout.waves.flatMap((wave, i): Told[] => {
    const old = before.rollout.waves[i];
    const name = `${rollout.stackName}, ${whatOf(rollout)}: wave ${i + 1} of ${rollout.waves.length} (${wave.name})`;
    const isNew = (key: "startedAt" | "passedAt" | "askedAt"): boolean =>
      wave[key] !== undefined && old?.[key] === undefined;
    const failed = waveState(rollout, hosts, i) === "failed" && waveState(before.rollout, before.hosts, i) !== "failed";
    const isAsked = isNew("askedAt") && wave.approvedAt === undefined;
    return [
      ...(isAsked
        ? [{ type: "rollout.approval-needed", message: `${name} waits for approval.`, severity: "warning" as const }]
        : []),
      ...(isNew("startedAt")
        ? [{ type: "rollout.wave-begun", message: `${name} began.`, severity: "info" as const }]
        : []),
      ...(isNew("passedAt")
        ? [{ type: "rollout.wave-passed", message: `${name} passed.`, severity: "info" as const }]
        : []),
      ...(failed ? [{ type: "rollout.wave-failed", message: `${name} failed.`, severity: "error" as const }] : []),
    ];
  });
}

const severities: Partial<Record<RolloutState, IdentifiedEvent["severity"]>> = {
  failed: "error",
  "rolling-back": "error",
  "rolled-back": "warning",
  waiting: "warning",
};

function stateEvents(before: StoredRollout, rollout: StoredRollout): Told[] {
  const { state, waitingFor } = rollout;
  if (before.state === state && before.waitingFor === waitingFor) return [];
  // That it began is in the history already, what people did is told as that, and approval and pauses by their waves.
  if (state === "pending" || state === "running" || state === "paused") return [];
  if (state === "waiting" && (waitingFor === "approval" || waitingFor === "pause")) return [];
  if (state === "rolling-back" && before.state === state) return [];
  const message = `${rollout.stackName}, ${whatOf(rollout)}: ${state}. ${rollout.cause}`;
  return [{ type: `rollout.${state}`, message, severity: severities[state] ?? "info" }];
}

function whatOf({ kind, revision }: StoredRollout): string {
  return kind === "remove" ? "removal" : `revision ${revision}`;
}

/** What the end of a rollout means for its stack. */
async function settle(tx: UnitOfWork, { rollout, hosts }: Standing, at: Date): Promise<void> {
  const { stackId, kind, revision, state } = rollout;
  // Superseded: the newer rollout says what becomes of the stack.
  if (state === "superseded") return;
  // A stack whose last hosts were revoked has nothing left to be taken off.
  const off =
    state === "succeeded" || (state === "cancelled" && rollout.cancelReason === undefined && hosts.length > 0);
  await stackRolledOut(
    tx,
    stackId,
    kind === "deploy" ? { kind, revision, outcome: outcomeOf(rollout, hosts) } : { kind, off },
    at,
  );
}

// Failures within the budget were put up with beforehand: hosts that come later get what the others have.
function outcomeOf(rollout: StoredRollout, hosts: Standing["hosts"]) {
  const { state, strategy, excusedFailures } = rollout;
  if (state === "rolled-back") return wasCurrent(rollout, hosts) ? "given-up" : "taken-back";
  const failed = hosts.filter((host) => host.state === "failed").length;
  const succeeded = hosts.some((host) => host.state === "succeeded");
  const isWithin = state === "failed" && succeeded && failed <= strategy.failureBudget + excusedFailures;
  return state === "succeeded" || isWithin ? "taken" : "given-up";
}

// What only moved between hosts, or was tried again, was the current revision before, and stays it.
function wasCurrent({ origin, revision }: StoredRollout, hosts: Standing["hosts"]): boolean {
  return origin === "placement" || hosts.some(({ previousRevision }) => previousRevision === revision);
}
