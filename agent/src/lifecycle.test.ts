import { expect, test } from "vitest";
import { type AgentState, type LifecycleEvent, transition } from "./lifecycle.ts";

function walk(start: AgentState, ...events: readonly LifecycleEvent["type"][]): AgentState[] {
  const states: AgentState[] = [start];
  for (const type of events) states.push(transition(states.at(-1) ?? start, { type }));
  return states;
}

test("an agent enrols, connects, loses its session, comes back and stops", () => {
  expect(
    walk("enrolling", "enrolled", "welcomed", "session-ended", "welcomed", "stop-asked", "session-ended", "drained"),
  ).toEqual(["enrolling", "connecting", "ready", "connecting", "ready", "draining", "draining", "stopped"]);
});

test("a stopped agent stays stopped, and a draining one is not brought back by a late welcome", () => {
  expect(walk("stopped", "enrolled", "welcomed", "stop-asked")).toEqual(["stopped", "stopped", "stopped", "stopped"]);
  expect(walk("draining", "welcomed")).toEqual(["draining", "draining"]);
});
