import { spawn } from "node:child_process";

/** Ends the server when this process is gone, however it ended. */
export interface Watcher {
  /** The server is gone, or will be: its number may be given to another program. */
  dismiss(): void;
}

// The shell waits on a pipe of which we hold the other end: the kernel closes it when we die, of SIGKILL too.
// SIGINT is PostgreSQL's fast shutdown: nothing that was acknowledged is lost.
const SCRIPT = 'read -r _ || kill -INT "$0"';

export function watchServer(pid: number): Watcher {
  const shell = spawn("/bin/sh", ["-c", SCRIPT, String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
    env: {},
    // A Ctrl-C in the terminal must not take the watcher before us.
    detached: true,
  });
  // A machine without a shell has no watcher: the next start stops the server by its postmaster.pid.
  shell.on("error", () => undefined);
  shell.stdin.on("error", () => undefined);
  shell.unref();
  (shell.stdin as unknown as { unref?: () => void }).unref?.();
  return { dismiss: () => shell.kill("SIGKILL") };
}
