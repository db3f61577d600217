import type { AgentRelease, AgentUpdate, AgentUpdateHost_State } from "@windflow/proto/client";
import { expect, test } from "vitest";
import { newerRelease, releaseWord } from "./releases.ts";
import { UPDATE_GROUPS, updateActs, updateParts, wavesOfUpdate } from "./update-state.ts";

const ready: AgentRelease = { version: "0.3.0", available: true, arches: ["x64"], id: "a" };

test("a release is what can be done with it", () => {
  expect(releaseWord(ready)).toBe("available");
  expect(releaseWord({ ...ready, development: true })).toBe("development");
  expect(releaseWord({ ...ready, problem: "no signature" })).toBe("unavailable");
  expect(releaseWord({ version: "0.1.0", hosts: 3 })).toBe("inUse");
});
test("only a release for the host's machine, signed by a release key, is proposed to it", () => {
  const development = { ...ready, version: "0.4.0", development: true };
  expect(newerRelease([development, ready], "0.2.0", "x64")).toBe(ready);
  expect(newerRelease([development, ready], "0.2.0", "arm64")).toBeUndefined();
  expect(newerRelease([ready], "0.3.0", "x64")).toBeUndefined();
});
test("every state of a host is found under one group", () => {
  const listed: AgentUpdateHost_State[] = Object.values(UPDATE_GROUPS).flat();
  expect(new Set(listed).size).toBe(listed.length);
  expect(listed).toHaveLength(11);
});
test("what may be done follows from the state", () => {
  const update: AgentUpdate = {
    state: "STATE_WAITING",
    hostsFailed: 1,
    waves: [
      { number: 1, state: "passed" },
      { number: 2, state: "awaiting-approval" },
    ],
  };
  expect(updateActs(update)).toEqual({ pause: true, resume: false, cancel: true, retry: true, approve: 2 });
  expect(updateActs({ ...update, state: "STATE_PAUSED" })).toMatchObject({ pause: false, resume: true });
  expect(updateActs({ ...update, state: "STATE_FAILED" })).toMatchObject({ cancel: false, retry: true, approve: 0 });
  expect(updateActs({ state: "STATE_SUCCEEDED" })).toMatchObject({ pause: false, retry: false });
});
test("waves and parts say how many hosts there are of what", () => {
  const update: AgentUpdate = {
    hostsSucceeded: 3,
    hostsUnderWay: 2,
    hostsTotal: 5,
    waves: [
      { number: 1, state: "passed" },
      { number: 2, state: "running" },
      { number: 3, state: "a word to come" },
    ],
  };
  expect(wavesOfUpdate(update).map(({ word, hostsUnderWay }) => [word, hostsUnderWay])).toEqual([
    ["passed", 0],
    ["running", 2],
    ["unknown", 0],
  ]);
  expect(updateParts(update).map(({ key, count }) => [key, count])).toEqual([
    ["succeeded", 3],
    ["underWay", 2],
  ]);
});
