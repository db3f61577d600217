import { nodeCommand } from "./program.ts";

export interface AgentPlace {
  /** The checkout. */
  root: string;
  /** Keys, certificate, desired state and spool. */
  stateFolder: string;
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
export function enrollCommand({ root, stateFolder, server, caSha256, tokenFile, name }: EnrollOptions): string[] {
  const args = ["enroll", "--server", server, "--ca-sha256", caSha256, "--token-file", tokenFile];
  return nodeCommand(root, "agent/src/main.ts", [
    ...args,
    "--state-dir",
    stateFolder,
    ...(name === undefined ? [] : ["--name", name]),
  ]);
}

/** Command line that runs the agent. */
export function runAgentCommand({ root, stateFolder, socketPath }: AgentPlace & { socketPath: string }): string[] {
  return nodeCommand(root, "agent/src/main.ts", [
    "run",
    "--state-dir",
    stateFolder,
    "--docker-host",
    `unix://${socketPath}`,
  ]);
}
