import { spawn } from "node:child_process";
import { once } from "node:events";
import { withoutEngineRules } from "./firewall-rules.ts";
import { run, succeeds } from "./run.ts";

/** The bridge interfaces that an engine has made: `br-` and twelve digits of the network's id. */
export async function engineBridges(env: NodeJS.ProcessEnv): Promise<string[]> {
  const links = await run("ip", ["-o", "link", "show", "type", "bridge"], { env });
  return [...links.matchAll(/^\d+: (br-[0-9a-f]{12}):/gm)].map(([, name = ""]) => name);
}

/**
 * Takes away what an engine that has ended leaves in this network namespace: bridges and firewall rules. It makes them
 * again when it starts. Never fails: what cannot be removed does no harm.
 */
export async function removeNetworkTraces(bridges: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  for (const bridge of bridges) await succeeds("ip", ["link", "del", bridge], { env });
  for (const family of ["iptables", "ip6tables"]) {
    const saved = await run(`${family}-save`, [], { env }).catch(() => "");
    const kept = withoutEngineRules(saved, bridges);
    if (kept !== saved) await restore(`${family}-restore`, kept, env);
  }
}

async function restore(program: string, rules: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(program, [], { env, stdio: ["pipe", "ignore", "ignore"] });
  child.stdin.on("error", () => undefined);
  child.stdin.end(rules);
  await once(child, "close").catch(() => undefined);
}
