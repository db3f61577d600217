import type { AgentUpdateStatus_State as State } from "@windflow/proto/agent";
import { expect, vi } from "vitest";
import type { Machine } from "./machine.ts";
import type { TestRelease } from "./release.ts";

// Several starts of a program beside others on two cores, and what the launcher waits for.
const PATIENCE = { timeout: 120_000, interval: 50 };

/** From now on the control plane wants this release, and says so. */
export function offer({ plane }: Machine, release: TestRelease): void {
  for (const [name, content] of release.files) plane.releases.set(name, content);
  plane.behaviour.desiredAgent = release.desired;
  plane.sessions.at(-1)?.send({ $case: "desiredAgent", value: release.desired });
}

export interface Told {
  /** Of the agent that says it. */
  readonly version: string;
  readonly code: string;
  readonly cause: string;
}

/** Waits until an open session says that the update has come to a state. */
export function told(machine: Machine, state: State, updateId = "upd_1"): Promise<Told> {
  return vi.waitFor(() => {
    const session = machine.plane.sessions.at(-1);
    const frames = (session?.received ?? []).flatMap((kind) => (kind.$case === "agentUpdate" ? [kind.value] : []));
    const last = frames.at(-1) ?? session?.hello.agentUpdate;
    const { code = "", cause = "" } = last ?? {};
    expect(
      { state: last?.state, updateId: last?.updateId, isOpen: session?.isOpen },
      `${code} ${cause}\n${machine.log().slice(-3_000)}`,
    ).toEqual({ state: state, updateId, isOpen: true });
    return { version: session?.hello.agentVersion ?? "", code, cause };
  }, PATIENCE);
}

/** Waits until what is expected holds. */
export function until(holds: () => void): Promise<void> {
  return vi.waitFor(holds, PATIENCE);
}

/** Waits for the session of a machine that has begun. */
export function greeted({ plane }: Machine): Promise<void> {
  return until(() => expect(plane.sessions.at(-1)?.isOpen).toBe(true));
}
