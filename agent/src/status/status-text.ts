import type { AgentStatus } from "../control/agent-status.ts";
import type { HostStatus } from "./status.ts";
import type { StoredStatus } from "./stored.ts";

const LABEL_WIDTH = 16;
const MB = 1e6;

/** Lines for a person. @param now milliseconds since 1970 */
export function formatStatus(status: HostStatus, stateDir: string, now: number): string {
  const { stored, agent } = status;
  if (stored === undefined) return `windflow-agent ${status.version}: not enrolled (no identity in ${stateDir})\n`;
  const lines = [
    `windflow-agent ${status.version}`,
    ...(agent === undefined ? [row("agent", `does not run. ${status.notRunning ?? ""}`)] : agentLines(agent, now)),
    ...storedLines(stored),
    ...(status.stacks === undefined ? storedStacks(stored) : rows("stacks", status.stacks)),
    row("last update", status.update),
    ...(status.link === undefined ? [] : [status.link]),
  ];
  return `${lines.join("\n")}\n`;
}

function agentLines(agent: AgentStatus, now: number): string[] {
  const { engine, spool, usage, lastEnd } = agent;
  const session =
    agent.state === "ready"
      ? `open for ${span(now - agent.stateSince)}, number ${agent.sessions} since the start`
      : `none for ${span(now - agent.stateSince)} (${agent.state})`;
  const dropped = spool.dropped === 0 ? "" : `; ${spool.dropped} given up since the start`;
  const engineName = `${engine.name ?? "not seen yet"} ${engine.version ?? ""}`.trim();
  return [
    row("agent", `version ${agent.version} runs for ${span(now - agent.startedAt)}, process ${agent.pid}`),
    row("session", session),
    ...(lastEnd === undefined
      ? []
      : [row("last end", `${span(now - lastEnd.at)} ago: ${codeOf(lastEnd)}${lastEnd.reason}`)]),
    row("engine", engine.problem === "" ? engineName : `${engineName}; cannot be asked: ${engine.problem}`),
    row(
      "spool",
      `${spool.waiting} entries wait to be acknowledged, ${mb(spool.bytes)} of ${mb(spool.maxBytes)} on disk${dropped}`,
    ),
    row(
      "takes",
      `${mb(usage.privateBytes)} of memory (${mb(usage.residentBytes)} resident), ${usage.cpuSeconds.toFixed(1)} s of processor, ${mb(usage.bytesSent)} sent and ${mb(usage.bytesReceived)} received since the start`,
    ),
    row("log", agent.logFile ?? "in the journal: windflow-agent logs"),
  ];
}

function codeOf({ code }: NonNullable<AgentStatus["lastEnd"]>): string {
  return code === undefined ? "" : `${code}: `;
}

function storedLines(stored: StoredStatus): string[] {
  const { desired } = stored;
  const generation =
    desired === undefined ? "none yet" : `generation ${desired.generation}, ${desired.stacks.length} stacks`;
  return [
    row("host", `${stored.hostName} (${stored.hostId})`),
    row("organization", stored.organizationId),
    row("control plane", stored.server),
    row("certificate", `valid until ${new Date(stored.certificateValidUntil).toISOString()}`),
    row("desired state", generation),
  ];
}

function storedStacks({ desired }: StoredStatus): string[] {
  return (desired?.stacks ?? []).map(({ stackId, revision }) => row("", `${stackId} revision ${revision}`));
}

function row(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${text}`;
}

function rows(label: string, text: string): string[] {
  return text.split("\n").map((line, index) => row(index === 0 ? label : "", line));
}

function mb(bytes: number): string {
  return Number.isNaN(bytes) ? "an unknown part" : `${(bytes / MB).toFixed(1)} MB`;
}

/** A span of time in its two largest units. */
function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const units = [
    { name: "d", of: 86_400 },
    { name: "h", of: 3_600 },
    { name: "min", of: 60 },
    { name: "s", of: 1 },
  ];
  const parts = units.map(({ name, of }, index) => {
    const above = units[index - 1]?.of ?? Number.POSITIVE_INFINITY;
    return { name, count: Math.floor((seconds % above) / of) };
  });
  const first = parts.findIndex(({ count }) => count > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${count} ${name}`)
    .join(" ");
}
