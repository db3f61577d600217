import { beginDeploy, describeRollout, followRollout } from "@windflow/installer";
import type { Rollout } from "@windflow/proto/client";
import type { Installation, InstalledHost } from "./installation.ts";

/** As much of an installation as deploying takes. */
type Reached = Pick<Installation, "api" | "organization">;

const ROLLOUT_TIMEOUT_MS = 240_000;

/** Compose text of a stack of idle services, each with an environment variable `REV` to change. */
export function idleStack(revisions: Record<string, string>): string {
  const services = Object.entries(revisions).flatMap(([name, revision]) => [
    `  ${name}:`,
    "    image: wf/busybox:1",
    `    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $$!; done"]`,
    "    restart: unless-stopped",
    "    environment:",
    `      REV: "${revision}"`,
  ]);
  return ["services:", ...services, ""].join("\n");
}

/** Begins a deployment of a compose text to every host of the installation; the answer is the acknowledgement. */
export function begin(installation: Reached, name: string, compose: string): Promise<Rollout> {
  return beginDeploy(installation.api, {
    organization: installation.organization,
    name,
    placement: { matchLabels: { site: "test" } },
    source: { files: { "compose.yaml": compose } },
  });
}

/** Waits for the end of a rollout, over restarts of the control plane. */
export async function end(installation: Reached, rolloutId: string): Promise<Rollout> {
  const signal = AbortSignal.timeout(ROLLOUT_TIMEOUT_MS);
  return followRollout(installation.api, installation.organization, rolloutId, signal);
}

/** Deploys and expects success on every host. */
export async function deploy(installation: Reached, name: string, compose: string): Promise<Rollout> {
  const began = await begin(installation, name, compose);
  const ended = await end(installation, began.id ?? "");
  if (ended.state !== "STATE_SUCCEEDED") throw new Error(describeRollout(ended));
  return ended;
}

/** What runs of a stack on a host: `service → container id`, by docker compose's own labels. */
export async function containersOf({ host }: InstalledHost, project: string): Promise<Record<string, string>> {
  const listed = await host.engine.docker.listContainers({
    filters: { label: [`com.docker.compose.project=${project}`], status: ["running"] },
  });
  return Object.fromEntries(listed.map(({ Id, Labels }) => [Labels["com.docker.compose.service"] ?? "?", Id]));
}
