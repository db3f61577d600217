import type { Hello } from "@windflow/proto/agent";
import { recordEvent } from "../events/index.ts";
import { cleanText } from "../hosts/index.ts";
import type { NewId, UnitOfWork } from "../platform/index.ts";
import type { ConfirmedHandler, HostReference } from "./ports.ts";
import { controlPlaneTimes } from "./skew.ts";

/** The host as it was before this session. */
interface HostBefore {
  readonly name: string;
  readonly boot_id: string;
  readonly session_end_cause: string | null;
}

const DAY_MS = 24 * 3_600_000;

/** What a Hello says beside opening a session: that the machine was started anew, and that what was observed still holds. */
export async function noteArrival(
  tx: UnitOfWork,
  parts: { readonly newId: NewId; readonly confirmed: readonly ConfirmedHandler[] },
  arrival: {
    readonly host: HostReference;
    readonly before: HostBefore;
    readonly hello: Hello;
    readonly clockSkewMs: number;
    readonly now: Date;
    /** The state that the host has is the one that is stored. */
    readonly unchanged: boolean;
  },
): Promise<void> {
  const { host, before, hello, clockSkewMs, now } = arrival;
  if (arrival.unchanged) for (const confirm of parts.confirmed) await confirm(tx, { ...host, at: now });
  if (before.boot_id === "" || before.boot_id === cleanText(hello.bootId)) return;
  const [booted = now.getTime()] = controlPlaneTimes([hello.host?.bootedAt?.getTime()], clockSkewMs, now.getTime());
  // A machine without a clock of its own says that it started in another year: when it came back is what is known.
  const at = now.getTime() - booted > DAY_MS * 365 ? now : new Date(booted);
  const why = wasStopped(before) ? "its agent had said goodbye" : "its agent had not said goodbye";
  await recordEvent(tx, {
    ...host,
    id: parts.newId("evt"),
    at,
    recordedAt: now,
    type: "host.booted",
    message: `Host ${before.name} was started anew; ${why}.`,
    severity: wasStopped(before) ? "info" : "warning",
    actor: "system",
  });
}

// What dispatch writes as the end of a session when the agent said why it leaves.
function wasStopped({ session_end_cause: cause }: HostBefore): boolean {
  return cause?.startsWith("the agent left") === true || cause === "the agent stopped on purpose";
}
