import { closeSync, openSync } from "node:fs";
import { type Server, type Socket, connect, createServer } from "node:net";
import { once } from "node:events";
import { AgentError } from "../errors.ts";
import { makePrivateFolder, removeIfThere } from "../platform/durable-file.ts";

/** In the state folder. */
export const SOCKET_NAME = "agent.sock";

const PRIVATE_MASK = 0o177;

/**
 * Makes this process the only agent of a state folder for as long as it lives. A socket, not a file with a process id: the kernel
 * gives it up with the process, whatever ended it.
 * @param onConnection who connects may enter the folder: root, or the agent's own user.
 * @returns gives the folder up.
 * @throws AgentError WF_ALREADY_RUNNING
 */
export async function claimState(folder: string, onConnection: (socket: Socket) => void = hangUp): Promise<() => void> {
  makePrivateFolder(folder);
  // By way of the folder's descriptor, since the path of a socket has at most 107 bytes.
  const descriptor = openSync(folder, "r");
  const path = `/proc/self/fd/${descriptor}/${SOCKET_NAME}`;
  if (await isAnswered(path)) {
    closeSync(descriptor);
    throw new AgentError(
      "WF_ALREADY_RUNNING",
      `Another agent runs with the state in ${folder}. Stop it first, or give this one its own --state-dir.`,
    );
  }
  removeIfThere(path);
  const server: Server = createServer(onConnection);
  // The folder may have been made by somebody who lets others in; a socket takes its mode from the mask with which it is bound.
  const mask = process.umask(PRIVATE_MASK);
  server.listen(path);
  process.umask(mask);
  await once(server, "listening");
  server.unref();
  return () => {
    server.close();
    closeSync(descriptor);
  };
}

function hangUp(socket: Socket): void {
  socket.destroy();
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
