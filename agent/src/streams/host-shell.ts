import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import type { HostShellStream, StreamEnd } from "@windflow/proto/agent";
import { shellCommand } from "./shell-command.ts";
import { type StreamCall, sendOutput } from "./stream-call.ts";

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
const SHELLS = ["/bin/bash", "/bin/sh"];

/** A shell of `user` on the host itself. Only reached where the owner of the machine installed the agent with that right. */
export async function streamHostShell(request: HostShellStream, user: string, call: StreamCall): Promise<StreamEnd> {
  // Native code that few hosts ever need.
  const { spawn } = await import("node-pty");
  const shell = SHELLS.find((path) => existsSync(path)) ?? "/bin/sh";
  const systemd = existsSync("/run/systemd/system");
  const cgroups = await readFile("/proc/self/cgroup", "utf8").catch(() => "");
  const { file, args } = shellCommand({ systemd, user, ownUser: userInfo().username, shell, cgroups });
  const terminal = spawn(file, [...args], {
    name: "xterm-256color",
    cols: request.columns || DEFAULT_COLUMNS,
    rows: request.rows || DEFAULT_ROWS,
    cwd: homedir(),
    // Nothing of the agent's own environment.
    env: {
      HOME: homedir(),
      TERM: "xterm-256color",
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      LANG: "C.UTF-8",
    },
    encoding: null,
  });
  call.onInput((bytes) => {
    terminal.write(Buffer.from(bytes));
    return Promise.resolve();
  });
  call.onResize((columns, rows) => terminal.resize(columns, rows));

  let sending: Promise<void> = Promise.resolve();
  return new Promise((resolve) => {
    terminal.onData((output: string | Uint8Array) => {
      const bytes = typeof output === "string" ? Buffer.from(output) : output;
      terminal.pause();
      sending = sending.then(() => sendOutput(call, "output", bytes)).finally(() => terminal.resume());
    });
    terminal.onExit(({ exitCode }) => {
      const end = (): void => resolve({ exitCode, problem: "", code: "" });
      sending.then(end, end);
    });
    call.closed.addEventListener("abort", () => terminal.kill("SIGHUP"), { once: true });
  });
}
