import type { Hello } from "@windflow/proto/agent";
import type { IdentifiedEvent } from "../events/index.ts";
import { cleanText } from "../hosts/index.ts";
import type { HostReference } from "./ports.ts";
import { controlPlaneTimes } from "./skew.ts";

/** The host as it was before this session. */
interface HostBefore {
  readonly name: string;
  readonly boot_id: string;
  readonly session_end_cause: string | null;
}

const DAY_MS = 24 * 3_600_000;

/** The event of a machine that was started anew; undefined when it was not. */
export function eventOfBoot(arrival: {
  readonly host: HostReference;
  readonly before: HostBefore;
  readonly hello: Hello;
  readonly clockSkewMs: number;
  readonly now: Date;
}): Omit<IdentifiedEvent, "id"> | undefined {
  const { host, before, hello, clockSkewMs, now } = arrival;
  if (before.boot_id === "" || before.boot_id === cleanText(hello.bootId)) return undefined;
  const [booted = now.getTime()] = controlPlaneTimes([hello.host?.bootedAt?.getTime()], clockSkewMs, now.getTime());
  // A machine without a clock of its own says that it started in another year: when it came back is what is known.
  const at = now.getTime() - booted > DAY_MS * 365 ? now : new Date(booted);
  const why = wasStopped(before) ? "its agent had said goodbye" : "its agent had not said goodbye";
  return {
    ...host,
    at,
    recordedAt: now,
    type: "host.booted",
    message: `Host ${before.name} was started anew; ${why}.`,
    severity: wasStopped(before) ? "info" : "warning",
    actor: "system",
  };
}

// What dispatch writes as the end of a session when the agent said why it leaves.
function wasStopped({ session_end_cause: cause }: HostBefore): boolean {
  return cause?.startsWith("the agent left") === true || cause === "the agent stopped on purpose";
}
