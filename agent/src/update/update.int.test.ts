import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentUpdateStatus_State as State } from "@windflow/proto/agent";
import { busyboxFolder } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type MachineOptions, type Machine, brokenProgram, buildPrograms, startMachine } from "./testing/machine.ts";
import { makeRelease } from "./testing/release.ts";
import { offer, told, until } from "./testing/told.ts";

// Several starts of a program, some after a time-out, beside the other tests of this file.
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let programs: Map<string, Buffer>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "windflow-programs-"));
  programs = await buildPrograms(folder, ["0.0.9", "0.1.0", "0.2.0", "0.3.0"]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = (version: string): Buffer => programs.get(version)!;
async function withMachine(
  act: (machine: Machine) => Promise<void>,
  over: Partial<MachineOptions> = {},
): Promise<void> {
  const machine = await startMachine({ program: program("0.1.0"), ...over });
  try {
    await act(machine);
  } finally {
    await machine.remove();
  }
}

test.concurrent("an agent becomes another one over a link that breaks, and the next one after that", () =>
  withMachine(async (machine) => {
    machine.plane.behaviour.filesBreakAfter = 1_000;
    offer(machine, makeRelease(program("0.2.0")));
    expect(await told(machine, State.STATE_SUCCEEDED)).toEqual({ version: "0.2.0", code: "", cause: "" });
    expect(machine.plane.fileOffsets.length).toBeGreaterThan(1);
    expect(machine.plane.sessions.at(-1)?.hello.build).toMatchObject({ cannotUpdate: "", commit: "abc" });
    // Its launcher waits for it now, and is taken along.
    offer(machine, makeRelease(program("0.3.0"), { updateId: "upd_2", version: "0.3.0" }));
    expect(await told(machine, State.STATE_SUCCEEDED, "upd_2")).toMatchObject({ version: "0.3.0" });
    expect({ current: machine.current(), ends: machine.ends, agents: machine.agents().length }).toEqual({
      current: "a",
      ends: 0,
      agents: 1,
    });
  }));

test.concurrent("a launcher that did not look while its agent was proven tries the next one, and not that one again", () =>
  withMachine(async (machine) => {
    let isWanted = false;
    machine.plane.behaviour.greeting = ({ agentVersion }) =>
      agentVersion === "0.2.0" && !isWanted ? "silence" : "welcome";
    offer(machine, makeRelease(program("0.2.0")));
    await until(() => expect(machine.log()).toContain("proves itself by a session"));
    const launcher = machine.launcher();
    process.kill(launcher, "SIGSTOP");
    isWanted = true;
    machine.plane.sessions.at(-1)?.cut();
    expect(await told(machine, State.STATE_SUCCEEDED)).toMatchObject({ version: "0.2.0" });
    offer(machine, makeRelease(program("0.3.0"), { updateId: "upd_2", version: "0.3.0" }));
    await until(() => expect(readFileSync(join(machine.slots, "trial"), "utf8")).toMatch(/^slot=a$/m));
    process.kill(launcher, "SIGCONT");
    expect(await told(machine, State.STATE_SUCCEEDED, "upd_2")).toMatchObject({ version: "0.3.0" });
    expect({ current: machine.current(), ends: machine.ends }).toEqual({ current: "a", ends: 0 });
  }));

const BAD = [
  { what: "ends at once", run: "exit 7", code: "WF_UPDATE_CRASHED", cause: /ended 3 times .* with code 7/ },
  { what: "is killed after a while", run: "sleep 1; kill -SEGV $$", code: "WF_UPDATE_CRASHED", cause: /by signal 11/ },
  {
    what: "hangs, and does not end when it is told",
    run: "trap '' TERM; while :; do sleep 1; done",
    code: "WF_UPDATE_HUNG",
    cause: /did not even try/,
  },
];
// Under each shell that a host may have; busybox with nothing beside it.
const SHELLS = ["/bin/dash", "busybox", "/bin/bash"];

test.concurrent.each(BAD.map((bad, i) => ({ ...bad, shell: SHELLS[i] ?? "sh" })))(
  "one that $what is undone, and not tried again ($shell)",
  async ({ run, code, cause, shell }) => {
    const commands = shell === "busybox" ? await busyboxFolder() : undefined;
    const options = commands === undefined ? { shell } : { shell: join(commands, "sh"), searchPath: commands };
    await withMachine(async (machine) => {
      offer(machine, makeRelease(brokenProgram("0.2.0", run), { proveSeconds: 2 }));
      const said = await told(machine, State.STATE_REVERTED);
      expect(said).toMatchObject({ version: "0.1.0", code, cause: expect.stringMatching(cause) });
      machine.plane.sessions.at(-1)?.send({ $case: "desiredAgent", value: machine.plane.behaviour.desiredAgent! });
      machine.plane.sessions.at(-1)?.cut();
      expect(await told(machine, State.STATE_REVERTED)).toEqual(said);
      expect({ current: machine.current(), files: machine.files(), agents: machine.agents().length }).toEqual({
        current: "a",
        files: ["a", "b", "current", "launch"],
        agents: 1,
      });
      // Only another update is tried.
      offer(machine, makeRelease(program("0.2.0"), { updateId: "upd_1.2" }));
      expect(await told(machine, State.STATE_SUCCEEDED, "upd_1.2")).toMatchObject({ version: "0.2.0" });
    }, options);
  },
);

// The second has time to get as far as being sent away, on a machine where everything else runs too.
test.concurrent.each([
  ["never welcomed", "silence", 5, /no session within 5 s/],
  ["sent away", "goodbye", 20, /the control plane refused it, This agent is not wanted here/],
] as const)("one that is %s is undone, and the reason is told", (_what, greeting, proveSeconds, cause) =>
  withMachine(async (machine) => {
    machine.plane.behaviour.greeting = ({ agentVersion }) => (agentVersion === "0.2.0" ? greeting : "welcome");
    offer(machine, makeRelease(program("0.2.0"), { proveSeconds }));
    const said = await told(machine, State.STATE_REVERTED);
    expect(said).toMatchObject({ version: "0.1.0", code: "WF_UPDATE_NO_SESSION", cause: expect.stringMatching(cause) });
  }),
);

test.concurrent("one whose control plane is away is undone, and nothing is said against it", () =>
  withMachine(async (machine) => {
    let away = false;
    machine.plane.behaviour.greeting = ({ agentVersion }) => {
      away ||= agentVersion === "0.2.0";
      return away ? "silence" : "welcome";
    };
    offer(machine, makeRelease(program("0.2.0"), { proveSeconds: 5 }));
    await until(() => expect(away).toBe(true));
    machine.plane.behaviour.refuse = 14;
    await until(() => expect(machine.log()).toContain("WF_UPDATE_CONTROL_PLANE_AWAY"));
    machine.plane.behaviour.refuse = undefined;
    machine.plane.behaviour.greeting = () => "welcome";
    expect(await told(machine, State.STATE_REVERTED)).toMatchObject({
      version: "0.1.0",
      code: "WF_UPDATE_CONTROL_PLANE_AWAY",
      cause: expect.stringContaining("nothing is said against 0.2.0"),
    });
  }));

test.concurrent("what is not to be trusted, damaged, older or cannot run is refused while the old one works on", () =>
  withMachine(async (machine) => {
    const refused = async (updateId: string, release: ReturnType<typeof makeRelease>, code: string): Promise<void> => {
      offer(machine, { ...release, desired: { ...release.desired, updateId } });
      expect(await told(machine, State.STATE_REFUSED, updateId)).toMatchObject({ version: "0.1.0", code });
    };
    const good = makeRelease(program("0.2.0"));
    await refused("foreign", makeRelease(program("0.2.0"), { foreignKey: true }), "WF_UPDATE_SIGNATURE");
    await refused("other-id", makeRelease(program("0.2.0"), { releaseId: "0".repeat(64) }), "WF_UPDATE_SIGNATURE");
    const damaged = new Map(
      [...good.files].map(([name, content]) => [name, Buffer.from(content).fill(0, 50, 60)] as const),
    );
    await refused("damaged", { ...good, files: damaged }, "WF_UPDATE_DAMAGED");
    await refused("older", makeRelease(program("0.0.9"), { version: "0.0.9" }), "WF_UPDATE_OLDER");
    const otherPermit = makeRelease(program("0.0.9"), { version: "0.0.9", permitFor: "0".repeat(64) });
    await refused("other-permit", otherPermit, "WF_UPDATE_OLDER");
    await refused("misnamed", makeRelease(program("0.2.0"), { version: "0.2.1" }), "WF_UPDATE_MISMATCH");
    await refused("cannot-run", makeRelease(Buffer.from("#!/nonexistent/interpreter\n")), "WF_UPDATE_CANNOT_RUN");
    const foreignMachine = Buffer.alloc(100);
    foreignMachine.write("\u007FELF", "latin1");
    foreignMachine.writeUInt16LE(8, 18);
    await refused("machine", makeRelease(foreignMachine), "WF_UPDATE_ARCHITECTURE");
    expect(machine.plane.sessions).toHaveLength(1);
    expect(machine.files()).toEqual(["a", "b", "current", "launch"]);
    // With a permit it becomes older; root takes it back.
    offer(machine, makeRelease(program("0.0.9"), { updateId: "permitted", version: "0.0.9", permitFor: "" }));
    expect(await told(machine, State.STATE_SUCCEEDED, "permitted")).toMatchObject({ version: "0.0.9" });
  }));

test.concurrent("a service that is stopped during the trial goes on with it, however often; nothing is held against the agent", () =>
  withMachine(async (machine) => {
    const begun = (): number => machine.log().split("proves itself by a session").length - 1;
    let isWanted = false;
    machine.plane.behaviour.greeting = ({ agentVersion }) =>
      agentVersion === "0.2.0" && !isWanted ? "silence" : "welcome";
    offer(machine, makeRelease(program("0.2.0")));
    // One more than the starts that a trial has.
    for (let start = 1; start <= 4; start++) {
      await until(() => expect(begun()).toBe(start));
      await machine.stop();
      expect(machine.agents()).toEqual([]);
      machine.start();
    }
    isWanted = true;
    expect(await told(machine, State.STATE_SUCCEEDED)).toMatchObject({ version: "0.2.0" });
  }));

test.concurrent("a launcher that cannot write starts the old agent", async () => {
  const commands = mkdtempSync(join(folder, "commands-"));
  // What a full disk, or one that has become read-only, does to it.
  writeFileSync(join(commands, "mv"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  await withMachine(
    async (machine) => {
      offer(machine, makeRelease(program("0.2.0")));
      const said = await told(machine, State.STATE_REVERTED);
      expect(said).toMatchObject({ version: "0.1.0", code: "WF_UPDATE_INTERRUPTED" });
      expect({ current: machine.current(), agents: machine.agents().length }).toEqual({ current: "a", agents: 1 });
    },
    { searchPath: `${commands}:${process.env["PATH"]}` },
  );
});
