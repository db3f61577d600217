import { run } from "@windflow/installer";
import { type Machine, type MachineProcess, createMachine } from "./machine.ts";
import { type Switch, createSwitch } from "./switch.ts";
import { type EngineChoice, type TestEngine, runEngineOn, testEnginePrograms } from "./test-engine.ts";

/** One host of a fleet: a machine with an engine and one link to the switch. */
export interface FleetHost {
  /** "host1", "host2", …: its host name too. */
  readonly name: string;
  /** Reachable from this process: published ports answer here. */
  readonly address: string;
  readonly machine: Machine;
  readonly engine: TestEngine;
  /** Takes its network cable out: nothing is refused, packets just do not arrive. */
  cut(): Promise<void>;
  /** Puts the cable back. */
  heal(): Promise<void>;
  exec(command: readonly string[]): Promise<string>;
  start(command: readonly string[], options?: { env?: NodeJS.ProcessEnv; logFile?: string }): Promise<MachineProcess>;
  /** Everything on it ends at once, the agent too; powerOn() starts the machine and its engine again. */
  powerCut(): Promise<void>;
  powerOn(): Promise<void>;
  /** Starts the machine alone; its engine by `engine.restart()`. */
  bootMachine(): Promise<void>;
}

/** Several hosts on one switch, with this process (the control plane's side) at `address`. */
export interface Fleet {
  /** Where hosts reach servers of this process ("control-plane" in their /etc/hosts); bind to it. */
  readonly address: string;
  readonly hosts: readonly FleetHost[];
  /** A machine without an engine on the same switch, for a control plane that is to be killed. */
  readonly server: Machine;
  readonly serverAddress: string;
  /** Ends and removes all of it. */
  remove(): Promise<void>;
}

export interface FleetOptions extends EngineChoice {
  /** How many hosts with the same engine, or one engine choice a host. */
  hosts: number | readonly EngineChoice[];
}

// Last numbers of the addresses on the switch: 1 is this process.
const SERVER = 2;
const FIRST_HOST = 11;

/** Makes the machines side by side; about two seconds for three hosts. */
export async function createFleet({ hosts: wanted, ...choice }: FleetOptions): Promise<Fleet> {
  const choices = typeof wanted === "number" ? Array.from({ length: wanted }, () => choice) : wanted;
  const engine = await testEnginePrograms(choice.release);
  const hub = await createSwitch(engine);
  const names = [`${hub.address} control-plane`, `${hub.addressOf(SERVER)} server`];
  const join = async (name: string, last: number, programs = engine): Promise<Machine> => {
    const machine = await createMachine({
      name,
      engine: programs,
      hosts: [...names, `${hub.addressOf(last)} ${name}`],
    });
    await hub.plug(machine, last);
    return machine;
  };
  const server = await join("server", SERVER);
  const made = await Promise.allSettled(
    choices.map(async (own, index) => {
      const programs = await testEnginePrograms(own.release);
      const machine = await join(`host${index + 1}`, FIRST_HOST + index, programs);
      return fleetHost(hub, FIRST_HOST + index, await runEngineOn(machine, programs, own));
    }),
  );
  const hosts = made.filter((result) => result.status === "fulfilled").map((result) => result.value);
  const remove = async (): Promise<void> => {
    await Promise.all([server.remove(), ...hosts.map((host) => host.engine.stop())]);
    await hub.remove();
  };
  const failure = made.find((result) => result.status === "rejected");
  const serverAddress = hub.addressOf(SERVER);
  if (failure === undefined) return { address: hub.address, hosts, server, serverAddress, remove };
  await remove();
  throw failure.reason;
}

function fleetHost(hub: Switch, last: number, engine: TestEngine): FleetHost {
  const { machine } = engine;
  const bootMachine = async (): Promise<void> => {
    await engine.forgetRunState();
    await machine.boot();
    await hub.plug(machine, last);
  };
  return {
    name: machine.name,
    address: hub.addressOf(last),
    machine,
    engine,
    cut: () => hub.setLink(last, "down"),
    heal: () => hub.setLink(last, "up"),
    exec: (command) => machine.exec(command),
    start: (command, options) => machine.start(command, options),
    powerCut: () => machine.powerCut(),
    bootMachine,
    powerOn: async () => {
      await bootMachine();
      await engine.restart();
    },
  };
}

/** Whether this system lets the testbed make machines: root with network namespaces. */
export async function canMakeMachines(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  return run("unshare", ["--net", "--mount", "--pid", "--fork", "true"]).then(
    () => true,
    () => false,
  );
}
