// `npm run dev`: the control plane restarts when its files change; the UI reloads in the browser by vite's own server.
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const flags = ["--conditions=@windflow/source", "--watch", "--watch-preserve-output"];

function start(name: string, args: string[], cwd: string): ChildProcess {
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
  child.on("exit", (code) => console.log(`dev: ${name} ended (${code ?? "signal"}).`));
  return child;
}

const children = [
  start("control plane", [...flags, "control-plane/src/main.ts", ...process.argv.slice(2)], root),
  start("ui", [join(root, "node_modules/vite/bin/vite.js")], join(root, "ui")),
];
const stop = (): void => {
  for (const child of children) child.kill("SIGTERM");
};
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
