import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentUpdateStatus_State as State } from "@windflow/proto/agent";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type MachineOptions, brokenProgram, buildPrograms, startMachine } from "./testing/machine.ts";
import { makeRelease } from "./testing/release.ts";
import { greeted, offer, told, until } from "./testing/told.ts";

// Several starts of a program beside those of the other tests of this file.
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let programs: Map<string, Buffer>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "windflow-programs-"));
  programs = await buildPrograms(folder, ["0.1.0", "0.2.0"]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Of the agent that is to be replaced, of the one that takes its place, and of the launcher between them. */
const ON_THE_WAY = [
  "0.1.0: before observe",
  "0.1.0: piece written",
  "0.1.0: download whole",
  "0.1.0: draft written",
  "0.1.0: draft synced",
  "0.1.0: draft renamed",
  "0.1.0: tried",
  "0.1.0: trial begun",
  "0.1.0: trial written",
  "0.1.0: status proving",
  "launcher: begun",
  "launcher: counted",
  "launcher: started",
  "launcher: watching",
  "0.2.0: settling",
  "0.2.0: proven renamed",
  "0.2.0: current.new made",
  "0.2.0: current renamed",
  "0.2.0: proof saved",
  "0.2.0: starts removed",
  "0.2.0: proven removed",
  "launcher: proven",
];
const ON_THE_WAY_BACK = [
  "launcher: ended",
  "launcher: judged",
  "launcher: reverted",
  "launcher: becoming",
  "0.1.0: settling",
  "0.1.0: revert saved",
  "0.1.0: slot cleared",
  "0.1.0: trial removed",
  "0.1.0: status reverted",
];

async function killed(options: MachineOptions, next: Buffer, end: State, proveSeconds = 30): Promise<void> {
  const machine = await startMachine(options);
  try {
    await greeted(machine);
    machine.arm();
    offer(machine, makeRelease(next, { proveSeconds }));
    await until(() => expect(machine.isArmed).toBe(false));
    const said = await told(machine, end);
    const isNew = end === State.STATE_SUCCEEDED;
    expect(said.version).toBe(isNew ? "0.2.0" : "0.1.0");
    await until(() =>
      expect({
        current: machine.current(),
        // Where the launcher waits for the agent, it has noted which process that is.
        files: machine.files().filter((name) => name !== "running"),
        agents: machine.agents().length,
        version: machine.plane.sessions.at(-1)?.hello.agentVersion,
        isOpen: machine.plane.sessions.at(-1)?.isOpen,
      }).toEqual({
        current: isNew ? "b" : "a",
        files: ["a", "b", "current", "launch"],
        agents: 1,
        version: said.version,
        isOpen: true,
      }),
    );
  } finally {
    await machine.remove();
  }
}

test.concurrent.each(ON_THE_WAY)("killed at %s: one agent works, and in the end it is the new one", (killAt) =>
  killed({ program: programs.get("0.1.0")!, killAt }, programs.get("0.2.0")!, State.STATE_SUCCEEDED),
);

test.concurrent.each(ON_THE_WAY_BACK)("killed at %s on the way back: the old one works, and says why", (killAt) =>
  killed({ program: programs.get("0.1.0")!, killAt }, brokenProgram("0.2.0", "exit 7"), State.STATE_REVERTED),
);

test.concurrent.each(["launcher: counted", "launcher: watching", "launcher: proven"])(
  "the power goes at %s: one agent works, and in the end it is the new one",
  (killAt) =>
    killed({ program: programs.get("0.1.0")!, killAt, powerCut: true }, programs.get("0.2.0")!, State.STATE_SUCCEEDED),
);

test.concurrent.each(["launcher: undone", "launcher: cleared"])(
  "killed at %s while one that hangs is undone: the old one works",
  (killAt) =>
    killed(
      { program: programs.get("0.1.0")!, killAt },
      brokenProgram("0.2.0", "exec sleep 1000"),
      State.STATE_REVERTED,
      2,
    ),
);
