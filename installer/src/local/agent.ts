import { nodeCommand } from "./program.ts";

export interface AgentPlace {
  /** The checkout. */
  root: string;
  /** Keys, certificate, desired state and spool. */
  stateFolder: string;
  /** Unix socket of the host's engine. */
  socketPath: string;
}

export interface EnrollOptions extends AgentPlace {
  /** Origin of the control plane. */
  server: string;
  /** sha256 of the control plane's CA file, in hexadecimal. */
  caSha256: string;
  /** File with the join token, mode 0600: a token in the arguments could be read by every user of the host. */
  tokenFile: string;
  name?: string;
}

/** Command line that enrols a host. */
export function enrollCommand({ server, caSha256, tokenFile, name, ...place }: EnrollOptions): string[] {
  const named = name === undefined ? [] : ["--name", name];
  return agentCommand(place, [
    "enroll",
    "--server",
    server,
    "--ca-sha256",
    caSha256,
    "--token-file",
    tokenFile,
    ...named,
  ]);
}

/** Command line that runs the agent. */
export function runAgentCommand(place: AgentPlace): string[] {
  return agentCommand(place, ["run"]);
}

function agentCommand({ root, stateFolder, socketPath }: AgentPlace, args: readonly string[]): string[] {
  const settings = ["--state-dir", stateFolder, "--docker-host", `unix://${socketPath}`];
  return nodeCommand(root, "agent/src/main.ts", [...args, ...settings]);
}
