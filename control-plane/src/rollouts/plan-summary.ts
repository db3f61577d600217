import { isHostEnded, type Rollout, type RolloutHost, type RolloutHostState, type RolloutState } from "./model.ts";

/** Where the whole rollout stands when its hosts stand so. */
export function summarize(
  kind: Rollout["kind"],
  hosts: readonly RolloutHost[],
): { state: RolloutState; cause: string } {
  const count = (...states: RolloutHostState[]): number => hosts.filter((host) => states.includes(host.state)).length;
  const succeeded = count("succeeded");
  const failed = hosts.filter((host) => host.state === "failed");
  const first = failed[0];
  if (hosts.every((host) => isHostEnded(host.state))) {
    if (first !== undefined) {
      const why = `${first.hostName}: ${first.cause}`;
      return { state: "failed", cause: `${failed.length} of ${plural(hosts.length, "host")} failed: ${why}` };
    }
    if (succeeded === 0)
      return { state: "cancelled", cause: `no host is left: ${hosts[0]?.cause ?? "there was none"}` };
    const off = `the stack is off ${plural(succeeded, "host")}`;
    const cause = kind === "remove" ? off : `${plural(succeeded, "host")} passed the health gate`;
    return { state: "succeeded", cause };
  }
  const away = count("not-reached");
  if (count("pending", "applying", "checking-health") === 0) {
    return { state: "waiting", cause: `${plural(away, "host")} not reached; it goes on when they return` };
  }
  const parts = [
    `${succeeded} of ${plural(hosts.length, "host")} done`,
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(away > 0 ? [`${away} not reached`] : []),
  ];
  return { state: "running", cause: parts.join(", ") };
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
