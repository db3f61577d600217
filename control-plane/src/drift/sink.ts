import type { HostEvent, SpoolEntry } from "@windflow/proto/agent";
import type { Clock, NewId, UnitOfWork } from "../platform/index.ts";
import { boundedSteps, type Drift, type DriftStep } from "./model.ts";
import { newDrift } from "./observe.ts";
import { insertDrift, readLastEnded, readOpenOn, updateDrift } from "./store.ts";
import { announceDrift } from "./tell.ts";

/** What a host spooled, as far as drift is concerned. */
export interface SpooledDrift {
  readonly organizationId: string;
  readonly hostId: string;
  readonly clockSkewMs: number;
  readonly entries: readonly SpoolEntry[];
}

// A host tells what it put right twice: in its next report at once, and in its spool, which may come first or a little later.
const SAME_MS = 60_000;
// Longer text is no list of steps that a host made.
const MAX_STEPS_CHARACTERS = 64_000;

/** Keeps what hosts put right by themselves, also while they were alone. */
export function createDriftSink(parts: { readonly clock: Clock; readonly newId: NewId }): {
  readonly name: string;
  store(tx: UnitOfWork, batches: readonly SpooledDrift[]): Promise<void>;
} {
  const { clock, newId } = parts;

  async function note(tx: UnitOfWork, batch: SpooledDrift, event: HostEvent, at: Date): Promise<void> {
    const { organizationId, hostId } = batch;
    const { stackId } = event;
    const steps = stepsOf(event);
    const open = (await readOpenOn(tx, [hostId])).get(hostId)?.get(stackId);
    const ended = { state: "corrected" as const, endedAt: at, problem: "" };
    // One that was found after the host had put this right is another one.
    if (open !== undefined && open.foundAt.getTime() <= at.getTime() + SAME_MS) {
      await updateDrift(tx, open.id, { ...ended, endedBy: open.askedBy, ...(steps.length > 0 ? { steps } : {}) });
      return announceDrift(tx, open, "updated", clock.now());
    }
    const last = await readLastEnded(tx, { hostId, stackId });
    if (last !== undefined && isSame(last, at)) {
      if (last.state === "gone") await updateDrift(tx, last.id, { state: "corrected" });
      return announceDrift(tx, last, "updated", clock.now());
    }
    const place = { id: newId("drf"), organizationId, hostId, stackId, foundAt: at };
    const drift: Drift = { ...newDrift(place), ...ended, revision: revisionOf(event), steps };
    if (await insertDrift(tx, drift)) announceDrift(tx, drift, "created", clock.now());
  }

  return {
    name: "drift",
    store: async (tx, batches) => {
      for (const batch of batches) {
        for (const { kind, at } of batch.entries) {
          if (kind?.$case !== "event" || kind.value.type !== "drift.corrected" || kind.value.stackId === "") continue;
          const now = clock.now().getTime();
          const written = at === undefined ? now : at.getTime() - batch.clockSkewMs;
          await note(tx, batch, kind.value, new Date(Math.min(now, written)));
        }
      }
    },
  };
}

function isSame({ state, foundAt, endedAt }: Drift, at: Date): boolean {
  if (state === "accepted" || endedAt === undefined) return false;
  return at.getTime() >= foundAt.getTime() - SAME_MS && at.getTime() <= endedAt.getTime() + SAME_MS;
}

function revisionOf(event: HostEvent): number {
  const revision = Number(event.attributes["revision"] ?? "0");
  return Number.isInteger(revision) && revision > 0 && revision < 2 ** 31 ? revision : 0;
}

/** What a host sent may be anything; without steps the event itself still says that something was put right. */
function stepsOf(event: HostEvent): DriftStep[] {
  const text = event.attributes["steps"] ?? "";
  if (text === "" || text.length > MAX_STEPS_CHARACTERS) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? boundedSteps(parsed.flatMap(stepOf)) : [];
  } catch {
    return [];
  }
}

function stepOf(value: unknown): DriftStep[] {
  if (typeof value !== "object" || value === null) return [];
  const text = (key: string): string => {
    const found = (value as Record<string, unknown>)[key];
    return typeof found === "string" ? found : "";
  };
  const step = { op: text("op"), target: text("target"), cause: text("cause"), service: text("service") };
  return step.op === "" ? [] : [step];
}
