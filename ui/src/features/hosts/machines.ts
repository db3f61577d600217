import type { HostMachine } from "@windflow/proto/client";

export type MachineKey = "bootId" | "from" | "hostname" | "addresses" | "first" | "last" | "sessions";
/** One fact of all machines, side by side. */
export interface MachineRow {
  key: MachineKey;
  values: string[];
  mono: boolean;
  /** What tells the machines apart; times and counts always differ, and say so by themselves. */
  differs: boolean;
}

export function machineRows(
  machines: readonly HostMachine[],
  format: { ago(at: string | undefined): string; number(value: number | undefined): string },
): MachineRow[] {
  const row = (key: MachineKey, mono: boolean, value: (machine: HostMachine) => string): MachineRow => {
    const values = machines.map((machine) => value(machine) || "–");
    return { key, values, mono, differs: mono && new Set(values).size > 1 };
  };
  return [
    row("bootId", true, (one) => one.bootId ?? ""),
    row("from", true, (one) => one.remoteAddress ?? ""),
    row("hostname", true, (one) => one.hostname ?? ""),
    row("addresses", true, (one) => (one.addresses ?? []).join(", ")),
    row("first", false, (one) => format.ago(one.firstSeenAt)),
    row("last", false, (one) => format.ago(one.lastSeenAt)),
    row("sessions", false, (one) => format.number(one.sessions)),
  ];
}
/** Which machine was seen first: in most cases the one that the others are copies of; -1 when there is none. */
export function oldestMachine(machines: readonly HostMachine[]): number {
  const times = machines.map((machine) => Date.parse(machine.firstSeenAt ?? ""));
  return times.reduce((best, at, index) => (best === -1 || at < (times[best] ?? Infinity) ? index : best), -1);
}
