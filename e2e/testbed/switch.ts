import { mkdir } from "node:fs/promises";
import { run, type UnpackedEngine, withLock } from "@windflow/installer";
import { type Machine, createMachine } from "./machine.ts";

// 10.201.0.0/16 is cut into /24s; a fleet takes one that no interface of this system has.
const NETWORK_PREFIX = "10.201";
const LOCK = "/tmp/windflow-testbed/switch.lock";

/** A network switch in a namespace of its own: no firewall rule of the outer system touches its frames. */
export interface Switch {
  /** This process's address on it. */
  readonly address: string;
  /** The address with this last number (2 to 254). */
  addressOf(last: number): string;
  /** Gives a machine its eth0 with the address of that number, and a default route. */
  plug(machine: Machine, last: number): Promise<void>;
  setLink(last: number, state: "up" | "down"): Promise<void>;
  remove(): Promise<void>;
}

/** Makes the switch and this system's port on it; both vanish with this process. */
export async function createSwitch(programs: UnpackedEngine): Promise<Switch> {
  const hub = await createMachine({ name: "switch", engine: programs });
  const env = programs.environment(process.env);
  const ip = (...args: string[]): Promise<string> => run("ip", args, { env });
  const inHub = (...args: string[]): Promise<string> => hub.exec(["ip", ...args]);
  await inHub("link", "add", "br0", "type", "bridge");
  await inHub("link", "set", "br0", "up");
  await mkdir("/tmp/windflow-testbed", { recursive: true });
  const network = await withLock(LOCK, async () => {
    const taken = await ip("-4", "-o", "addr");
    const third = [...Array(255).keys()].find((octet) => !taken.includes(` ${NETWORK_PREFIX}.${octet}.`));
    if (third === undefined) throw new Error(`No free network below ${NETWORK_PREFIX}.0.0/16 for another fleet`);
    const port = `wft${third}`;
    await ip("link", "add", port, "type", "veth", "peer", "name", "root", "netns", String(hub.initPid()));
    await ip("addr", "add", `${NETWORK_PREFIX}.${third}.1/24`, "dev", port);
    await ip("link", "set", port, "up");
    return `${NETWORK_PREFIX}.${third}`;
  });
  await inHub("link", "set", "root", "master", "br0", "up");
  const addressOf = (last: number): string => `${network}.${last}`;
  return {
    address: `${network}.1`,
    addressOf,
    plug: async (machine, last) => {
      const inMachine = (...args: string[]): Promise<string> => machine.exec(["ip", ...args]);
      const [own, peer] = [String(machine.initPid()), String(hub.initPid())];
      // After a power cut the kernel takes away the machine's end, and this one with it, when it comes to it.
      await inHub("link", "del", `p${last}`).catch(() => undefined);
      // A real card keeps its address over a power cut; a new one would wait for the neighbours' ARP entries to expire.
      const card = `02:57:46:00:00:${last.toString(16).padStart(2, "0")}`;
      await ip(
        "link",
        "add",
        "eth0",
        "address",
        card,
        "netns",
        own,
        "type",
        "veth",
        "peer",
        "name",
        `p${last}`,
        "netns",
        peer,
      );
      await inHub("link", "set", `p${last}`, "master", "br0", "up");
      await inMachine("addr", "add", `${addressOf(last)}/24`, "dev", "eth0");
      await inMachine("link", "set", "eth0", "up");
      await inMachine("route", "add", "default", "via", `${network}.1`);
    },
    setLink: async (last, state) => void (await inHub("link", "set", `p${last}`, state)),
    remove: () => hub.remove(),
  };
}
