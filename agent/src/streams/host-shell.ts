import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import type { HostShellStream, StreamEnd } from "@windflow/proto/agent";
import type { IPty } from "node-pty";
import { shellCommand } from "./shell-command.ts";
import { type StreamCall, sendOutput } from "./stream-call.ts";

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
// A screen of the largest terminal; a program that writes more waits for its reader.
const MOST_WAITING_BYTES = 64 * 1024;
// node-pty closes a terminal 200 ms after its program has ended, read or not.
const LOOK_MS = 50;
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

  return new Promise((resolve) => {
    const output = createOutputQueue(terminal, (bytes) => sendOutput(call, "output", bytes));
    terminal.onData((text: string | Uint8Array) => output.add(typeof text === "string" ? Buffer.from(text) : text));
    terminal.onExit(({ exitCode }) => {
      const end = (): void => resolve({ exitCode, problem: "", code: "" });
      output.sent().then(end, end);
    });
    call.closed.addEventListener("abort", () => terminal.kill("SIGHUP"), { once: true });
  });
}

/** What a terminal tells, on its way to a reader who may be slow. */
interface OutputQueue {
  add(bytes: Uint8Array): void;
  /** Resolves once everything so far was sent. */
  sent(): Promise<void>;
}

type Source = Pick<IPty, "pid" | "pause" | "resume">;

/** Pauses the terminal while too much waits, so that its program waits too; never once that has ended, for then the rest would be lost. */
function createOutputQueue(terminal: Source, send: (bytes: Uint8Array) => Promise<void>): OutputQueue {
  let sending: Promise<void> = Promise.resolve();
  let waiting = 0;
  let watch: NodeJS.Timeout | undefined;
  const resume = (): void => {
    if (watch === undefined) return;
    clearInterval(watch);
    watch = undefined;
    terminal.resume();
  };
  const pause = (): void => {
    if (watch !== undefined || !isThere(terminal.pid)) return;
    terminal.pause();
    watch = setInterval(() => {
      if (!isThere(terminal.pid)) resume();
    }, LOOK_MS);
  };
  return {
    add(bytes) {
      waiting += bytes.length;
      sending = sending
        .then(() => send(bytes))
        .finally(() => {
          waiting -= bytes.length;
          if (waiting < MOST_WAITING_BYTES) resume();
        });
      if (waiting >= MOST_WAITING_BYTES) pause();
    },
    sent: () => sending,
  };
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Of another user: it is.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
