import type { ComposeService } from "../compose/model.ts";
import { healingText, type Healing } from "../reconcile/healing.ts";
import type { ObservedContainer } from "../reconcile/observed.ts";
import { needOf } from "../reconcile/run-state.ts";
import type { ServiceState } from "./states.ts";

// Docker forgets that a container kept crashing once it has run this long; so do we.
export const STEADY_AFTER_MS = 10_000;

export interface ContainerReading {
  readonly state: ServiceState;
  readonly cause: string;
  readonly since?: number;
  /** When the host tries again by itself, in milliseconds since the epoch. */
  readonly nextAt?: number;
}

/** The state of one container, from what was observed and how its service is meant to run. */
export function readContainer(container: ObservedContainer, service: ComposeService, now: number): ContainerReading {
  const nextAt = container.healing?.nextAt;
  return { ...readState(container, service, now), ...(nextAt === undefined ? {} : { nextAt }) };
}

function readState(container: ObservedContainer, service: ComposeService, now: number): ContainerReading {
  const { detail } = container;
  switch (container.state) {
    case "created":
      return reading("pending", "created, not started yet", detail?.createdAt ?? container.createdAt);
    case "removing":
      return reading("pending", "the engine is removing it");
    case "paused":
      return reading("stopped", "paused on the host");
    case "restarting":
      return reading(
        "crash-looping",
        `it keeps ending${exitText(container)}${restarts(container)}`,
        detail?.finishedAt,
      );
    case "dead":
      return reading("failed", detail?.error ?? "the engine could neither start nor remove it");
    case "exited":
      return readExited(container, service);
    case "running":
      return readRunning(container, now);
  }
}

function readRunning(container: ObservedContainer, now: number): ContainerReading {
  const { detail } = container;
  const since = detail?.startedAt;
  if (container.hooksDue !== undefined) return reading("starting", "its post_start hooks have not run yet", since);
  if (detail && detail.restartCount > 0 && since !== undefined && now - since < STEADY_AFTER_MS)
    return reading("crash-looping", `it started again a moment ago${restarts(container)}`, since);
  if (container.health === "unhealthy")
    return reading("unhealthy", healed(container, detail?.healthOutput ?? "its healthcheck fails"), since);
  const mended = container.healing?.attempts ?? 0;
  if (mended > 0 && since !== undefined && now - since < STEADY_AFTER_MS)
    return reading(
      "crash-looping",
      `it was started again a moment ago, attempt ${mended} of ${container.healing?.budget}`,
      since,
    );
  if (container.health === "starting") return reading("starting", "its healthcheck has not passed yet", since);
  return reading("running", container.health === "healthy" ? "its healthcheck passes" : "it runs", since);
}

function readExited(container: ObservedContainer, service: ComposeService): ContainerReading {
  const since = container.detail?.finishedAt;
  const { healing } = container;
  if (healing !== undefined && healing.state !== "watched" && healing.trouble !== undefined)
    return reading(
      endedState(healing),
      healed(container, `it ended${exitText(container)}${memoryText(container)}`),
      since,
    );
  const need = needOf(container, service);
  if (need.act === "start") return reading("pending", `${need.cause}; it is to be started`, since);
  if (container.exitCode === 0) return reading("completed", "it ran to its end", since);
  const memory = memoryText(container);
  const error = container.detail?.error === undefined ? "" : `: ${container.detail.error}`;
  return reading("failed", `it ended${exitText(container)}${memory}${error}`, since);
}

/** It ends again and again from the first attempt on that did not last. */
function endedState({ state, attempts }: Healing): ServiceState {
  if (state === "alerted") return "failed";
  if (state === "given-up") return "crash-looping";
  return attempts > (state === "acting" ? 1 : 0) ? "crash-looping" : "pending";
}

function healed({ healing }: ObservedContainer, cause: string): string {
  const text = healing === undefined || healing.state === "watched" ? "" : healingText(healing);
  return text === "" ? cause : `${cause}; ${text}`;
}

function memoryText({ detail }: ObservedContainer): string {
  return detail?.outOfMemory === true ? ", out of memory" : "";
}

function exitText(container: ObservedContainer): string {
  return container.exitCode === undefined ? "" : ` with exit code ${container.exitCode}`;
}

function restarts(container: ObservedContainer): string {
  const count = container.detail?.restartCount;
  return count === undefined ? "" : `, restarted ${count} ${count === 1 ? "time" : "times"}`;
}

function reading(state: ServiceState, cause: string, since?: number): ContainerReading {
  return { state, cause, ...(since === undefined ? {} : { since }) };
}
