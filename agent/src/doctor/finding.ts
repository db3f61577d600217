/** The hops from this program to its work, in the order in which they are walked. */
export const HOPS = [
  "config",
  "state",
  "identity",
  "clock",
  "dns",
  "proxy",
  "tcp",
  "tls",
  "alpn",
  "certificate",
  "authorization",
  "engine",
  "disk",
  "cgroup",
  "spool",
] as const;
export type Hop = (typeof HOPS)[number];

/** What was found at one hop. */
export interface Finding {
  readonly hop: Hop;
  /** `skipped`: a hop before it failed, so that nothing can be said. */
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** What was seen, in a sentence. */
  readonly what: string;
  /** Why that matters; empty when it is well. */
  readonly why: string;
  /** A command, or what to do where no command does it; empty when it is well. */
  readonly fix: string;
}

export const well = (hop: Hop, what: string): Finding => ({ hop, status: "ok", what, why: "", fix: "" });

export const wrong = (hop: Hop, trouble: Pick<Finding, "what" | "why" | "fix">): Finding => {
  return { hop, status: "failed", ...trouble };
};

export const doubtful = (hop: Hop, trouble: Pick<Finding, "what" | "why" | "fix">): Finding => {
  return { hop, status: "warning", ...trouble };
};

export const skipped = (hop: Hop, because: Hop): Finding => {
  return { hop, status: "skipped", what: `not looked at, since ${because} failed`, why: "", fix: "" };
};

const MARKS: Record<Finding["status"], string> = {
  ok: "ok     ",
  warning: "warning",
  failed: "FAILED ",
  skipped: "-      ",
};

/** Lines for a person; what is wrong says why and what to do. */
export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...HOPS.map((hop) => hop.length));
  const lines = findings.flatMap(({ hop, status, what, why, fix }) => {
    const indent = " ".repeat(MARKS.ok.length + 1 + width + 2);
    return [
      `${MARKS[status]} ${hop.padEnd(width)}  ${what}`,
      ...(why === "" ? [] : [`${indent}why: ${why}`]),
      ...(fix === "" ? [] : [`${indent}do:  ${fix}`]),
    ];
  });
  return `${[...lines, summaryOf(findings)].join("\n")}\n`;
}

function summaryOf(findings: readonly Finding[]): string {
  const failed = findings.filter(({ status }) => status === "failed").map(({ hop }) => hop);
  const warnings = findings.filter(({ status }) => status === "warning").length;
  if (failed.length > 0) return `\nFailed: ${failed.join(", ")}. Begin with the first.`;
  return warnings > 0
    ? `\nIt works, with ${warnings === 1 ? "a warning" : `${warnings} warnings`}.`
    : "\nEverything is well.";
}
