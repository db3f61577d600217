// Readers of the texts that the kernel and the distribution offer about a machine. Pure.

/** `NAME` and `VERSION_ID` of os-release. */
export function parseOsRelease(text: string): { name: string; version: string } {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line);
    if (match !== null) values.set(match[1] ?? "", match[2] ?? match[3] ?? match[4] ?? "");
  }
  return { name: values.get("NAME") ?? "Linux", version: values.get("VERSION_ID") ?? "" };
}

/** The processor's name as cpuinfo gives it; empty where it gives none (many ARM boards). */
export function parseCpuModel(text: string): string {
  return /^(?:model name|Model|Hardware)\s*:\s*(.+)$/m.exec(text)?.[1]?.trim() ?? "";
}

/** `btime` of /proc/stat, milliseconds since the epoch. */
export function parseBootTime(text: string): number | undefined {
  const seconds = /^btime (\d+)$/m.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}
