import { expect, test } from "vitest";
import { type Seen, formatPlan, planUpdate } from "./plan.ts";
import type { UpdateStatus } from "./status-file.ts";
import type { Wanted } from "./wanted.ts";

const MB = 1024 * 1024;
const checksums = new Map([
  ["windflow-agent-linux-x64", "plain"],
  ["windflow-agent-linux-x64.gz", "gz"],
  ["windflow-agent-linux-x64.zst", "zst"],
]);
const wanted: Wanted = {
  updateId: "upd_1",
  version: "0.2.0",
  commit: "abc",
  releaseId: "release",
  checksums,
  files: [
    { name: "windflow-agent-linux-x64", bytes: 110 * MB },
    { name: "windflow-agent-linux-x64.gz", bytes: 41 * MB },
    { name: "windflow-agent-linux-x64.zst", bytes: 34 * MB },
  ],
  proveSeconds: 120,
  stableSeconds: 10,
};
const seen: Seen = {
  version: "0.1.0",
  arch: "x64",
  development: false,
  cannotUpdate: "",
  program: "other",
  other: "b",
  staged: undefined,
  stagedBytes: 0,
  releaseId: "release",
  isSigned: true,
  permit: "none",
  status: undefined,
  room: { state: 1_000 * MB, slots: 1_000 * MB, oneDisk: true },
  partial: new Map(),
};
const plan = (want: Partial<Wanted> = {}, see: Partial<Seen> = {}): string =>
  formatPlan(planUpdate({ ...wanted, ...want }, { ...seen, ...see }));
const status = (state: UpdateStatus["state"], updateId = "upd_1"): UpdateStatus => ({
  updateId,
  version: "0.2.0",
  fromVersion: "0.1.0",
  state,
  cause: "",
  code: "",
  bytesDone: 0,
  bytesTotal: 0,
  at: 0,
});

test("the smallest file is fetched, unpacked, tried, and handed over to", () => {
  expect(plan()).toMatchInlineSnapshot(`
    "download windflow-agent-linux-x64.zst (35651584 bytes): 0.2.0 is not on this host
    unpack windflow-agent-linux-x64.zst to b: windflow-agent-linux-x64.zst was fetched
    try b: a program that cannot run here is not given a chance
    hand-over b: 0.1.0 runs, 0.2.0 is wanted"
  `);
  const fewer = wanted.files.filter(({ name }) => !name.endsWith(".zst"));
  expect(plan({ files: fewer })).toContain("download windflow-agent-linux-x64.gz");
});

test("what lies in the other slot whole is not fetched again", () => {
  expect(plan({}, { staged: "plain", stagedBytes: 110 * MB })).toMatchInlineSnapshot(`
    "try b: a program that cannot run here is not given a chance
    hand-over b: 0.1.0 runs, 0.2.0 is wanted"
  `);
});

test("nothing is done for what was done, undone or refused before; another update is begun", () => {
  for (const state of ["succeeded", "reverted", "refused"] as const) {
    expect(plan({}, { status: status(state) })).toBe("");
    expect(plan({}, { status: status(state, "upd_0") })).toContain("hand-over b");
  }
  for (const state of ["downloading", "staged", "proving"] as const)
    expect(plan({}, { status: status(state) })).toContain("hand-over b");
});

test("the release that runs is accepted as it is, whatever its version is called", () => {
  expect(plan({ version: "0.0.1" }, { program: "plain" })).toBe("accept: this agent is windflow-agent 0.0.1 already");
});

test("what cannot or may not be is refused before anything is fetched, each with what to do", () => {
  expect(plan({}, { cannotUpdate: "it runs as a container" })).toMatchInlineSnapshot(
    `"refuse WF_UPDATE_IMPOSSIBLE: This agent cannot update itself: it runs as a container. Install 0.2.0 on the host."`,
  );
  expect(plan({}, { isSigned: false })).toMatchInlineSnapshot(
    `"refuse WF_UPDATE_SIGNATURE: The release 0.2.0 is not signed by a key that this agent trusts. Nothing of it was fetched. Put the files of the release on the control plane again, as they were published."`,
  );
  expect(plan({}, { isSigned: false, development: true })).toContain("this agent is a development build (DEV)");
  expect(plan({ releaseId: "another" })).toContain("refuse WF_UPDATE_SIGNATURE");
  expect(plan({}, { arch: "arm64" })).toMatchInlineSnapshot(
    `"refuse WF_UPDATE_ARCHITECTURE: The release 0.2.0 has no windflow-agent-linux-arm64: it is not for this host's processor."`,
  );
  expect(plan({ files: [] })).toContain("refuse WF_UPDATE_ARCHITECTURE");
  // More than any agent has: the size is not signed.
  expect(plan({ files: [{ name: "windflow-agent-linux-x64", bytes: 600 * MB }] })).toContain("refuse");
});

test("an older version takes a permit", () => {
  expect(plan({ version: "0.0.9" })).toMatchInlineSnapshot(
    `"refuse WF_UPDATE_OLDER: 0.0.9 is older than 0.1.0, which runs: that takes a permit signed by the release key. Make the update with one, or install 0.0.9 on the host."`,
  );
  expect(plan({ version: "0.0.9" }, { permit: { problem: "it is for another release" } })).toContain(
    "the permit does not count: it is for another release",
  );
  expect(plan({ version: "0.0.9" }, { permit: "good" })).toContain("hand-over b: 0.1.0 runs, 0.0.9 is wanted");
  expect(plan({ version: "0.1.0-rc.1" })).toContain("refuse WF_UPDATE_OLDER");
  expect(plan({ version: "0.1.0" })).toContain("hand-over b");
});

test("without room the program before the last goes; without that room either nothing is begun", () => {
  const room = (megabytes: number): Seen["room"] => ({ state: megabytes * MB, slots: megabytes * MB, oneDisk: true });
  const full = { staged: "before", stagedBytes: 110 * MB };
  expect(plan({}, { ...full, room: room(176) })).not.toContain("clear-slot");
  expect(plan({}, { ...full, room: room(100) })).toMatchInlineSnapshot(`
    "clear-slot b: there is no room for three agents; without it this host cannot go back further than to 0.1.0
    download windflow-agent-linux-x64.zst (35651584 bytes): 0.2.0 is not on this host
    unpack windflow-agent-linux-x64.zst to b: windflow-agent-linux-x64.zst was fetched
    try b: a program that cannot run here is not given a chance
    hand-over b: 0.1.0 runs, 0.2.0 is wanted"
  `);
  expect(plan({}, { ...full, room: room(50) })).toMatchInlineSnapshot(
    `"refuse WF_UPDATE_NO_ROOM: There are 16 MB too little on the disk for the agent 0.2.0. Make room there and start the update again."`,
  );
  // What came before needs no room again.
  expect(plan({}, { room: room(150), partial: new Map([["zst", 30 * MB]]) })).toContain("hand-over b");
  const twoDisks = { state: 50 * MB, slots: 142 * MB, oneDisk: false };
  expect(plan({}, { room: twoDisks })).toContain("refuse WF_UPDATE_NO_ROOM");
  expect(plan({}, { room: { ...twoDisks, state: 66 * MB } })).toContain("hand-over b");
});
