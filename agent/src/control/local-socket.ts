import { closeSync, openSync } from "node:fs";
import { type Socket, connect } from "node:net";
import { AgentError } from "../errors.ts";
import { SOCKET_NAME } from "../state/state-claim.ts";
import type { LocalAnswer, LocalCommand } from "./local-commands.ts";

/** A command is a name and a number. */
const MAX_COMMAND_BYTES = 4 * 1024;
/** A list of all stacks and a plan are a few kilobytes each. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** A plan waits for one look at the engine, which is given up after 20 s. */
const ANSWER_TIMEOUT_MS = 30_000;

/**
 * Answers one command on a connection of the state folder's socket. Who may connect is who may enter that folder: root, or the user
 * that the agent runs as.
 */
export function serveLocally(socket: Socket, answer: (command: LocalCommand) => Promise<LocalAnswer>): void {
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  let text = "";
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString();
    if (text.length > MAX_COMMAND_BYTES) return void socket.destroy();
    const end = text.indexOf("\n");
    if (end < 0) return;
    const command = parseCommand(text.slice(0, end));
    socket.removeAllListeners("data");
    if (command === undefined)
      return void socket.end(reply({ text: "This agent does not know that command.", code: "WF_FRAME_INVALID" }));
    answer(command).then(
      (told) => socket.end(reply(told)),
      () => socket.destroy(),
    );
  });
}

/** Asks the agent that runs with this state. @throws AgentError WF_NOT_RUNNING */
export async function askAgent(stateDir: string, command: LocalCommand): Promise<LocalAnswer> {
  const text = await exchange(stateDir, command);
  try {
    return JSON.parse(text) as LocalAnswer;
  } catch (cause) {
    throw new AgentError(
      "WF_NOT_RUNNING",
      "The agent ended before it answered. Look whether it was restarted, and ask again.",
      {
        cause,
      },
    );
  }
}

function exchange(stateDir: string, command: LocalCommand): Promise<string> {
  // By way of the folder's descriptor, since the path of a socket has at most 107 bytes.
  const descriptor = openFolder(stateDir);
  return new Promise<string>((resolve, reject) => {
    const socket = connect(`/proc/self/fd/${descriptor}/${SOCKET_NAME}`);
    let text = "";
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.once("connect", () => socket.write(`${JSON.stringify(command)}\n`));
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString();
      if (text.length > MAX_ANSWER_BYTES) socket.destroy();
    });
    socket.once("error", () => reject(notRunning(stateDir)));
    socket.once("close", () => resolve(text));
  }).finally(() => closeSync(descriptor));
}

function openFolder(stateDir: string): number {
  try {
    return openSync(stateDir, "r");
  } catch {
    throw notRunning(stateDir);
  }
}

function notRunning(stateDir: string): AgentError {
  return new AgentError(
    "WF_NOT_RUNNING",
    `No agent answers with the state in ${stateDir}. Run this as root, start the agent ("systemctl start windflow-agent"), or give --state-dir.`,
  );
}

function reply(answer: LocalAnswer): string {
  return `${JSON.stringify(answer)}\n`;
}

function parseCommand(line: string): LocalCommand | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { command, stack, to }: Partial<Record<string, unknown>> = { ...value };
  if (command === "stacks" || command === "status" || command === "link" || command === "go-back") return { command };
  if (typeof stack !== "string") return undefined;
  if (command === "release") return { command, stack };
  if (command !== "rollback") return undefined;
  if (to === undefined) return { command, stack };
  return typeof to === "number" && Number.isSafeInteger(to) && to > 0 ? { command, stack, to } : undefined;
}
