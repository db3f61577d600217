import type { Machine } from "@windflow/e2e/testbed";

/** Counts bytes of IP packets from and to one port: headers, repetitions and bare acknowledgements included. */
export interface WireCounter {
  /** Both directions together since it was made. */
  bytes(): Promise<number>;
}

/** @param port of the other side ("remote") or of this one ("local"). */
export async function countWire(machine: Machine, side: "remote" | "local", port: number): Promise<WireCounter> {
  const [incoming, outgoing] = side === "remote" ? ["--sport", "--dport"] : ["--dport", "--sport"];
  // Rules without a target count and decide nothing.
  const rules = [
    ["INPUT", "-i", "eth0", "-p", "tcp", incoming, String(port)],
    ["OUTPUT", "-o", "eth0", "-p", "tcp", outgoing, String(port)],
  ];
  for (const [chain = "", ...rule] of rules) await machine.exec(["iptables", "-I", chain, "1", ...rule]);
  const pattern = new RegExp(`\\b[sd]pt:${port}\\b`);
  return {
    bytes: async () => {
      const lists = await Promise.all(["INPUT", "OUTPUT"].map((chain) => machine.exec(["iptables", "-nvxL", chain])));
      return lists
        .flatMap((list) => list.split("\n"))
        .filter((line) => pattern.test(line))
        .reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[1]), 0);
    },
  };
}
