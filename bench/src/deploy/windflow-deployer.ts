import type { Installation } from "@windflow/e2e";
import type { Rollout } from "@windflow/proto/client";
import type { Deployer } from "./deployer.ts";
import type { BenchStack } from "./stacks.ts";

// The slowest stack takes about 4 s; the rest is for a loaded machine.
const DEADLINE_MS = 120_000;
// `up --wait` returns when all is running and healthy; so does this, before the gate's quiet time that compose does not have.
const HEALTHY: ReadonlySet<string> = new Set(["STATE_CHECKING_HEALTH", "STATE_SUCCEEDED"]);

/** WindFlow by its public API, as a program uses it: revision, rollout, watch. */
export async function windflowDeployer(installation: Installation, stack: BenchStack): Promise<Deployer> {
  const { api, organization } = installation;
  const placement = { allHosts: true };
  const made = await api.stacks.createStack({ organization, name: stack.name, placement });
  const stackId = made.id!;
  let revision = 0;

  const deploy = async (version: number): Promise<void> => {
    const source = { files: { "compose.yaml": stack.compose(version) } };
    const created = await api.stacks.createRevision({ organization, stackId, source });
    revision = created.number!;
    await rollOut();
  };
  const rollOut = async (): Promise<void> => {
    const rollout = await api.rollouts.createRollout({ organization, stackId, revision });
    await follow(installation, rollout.id!, isHealthy);
  };
  return {
    cold: () => deploy(1),
    noop: rollOut,
    change: () => deploy(2),
    down: async () => {
      const { rolloutId } = await api.stacks.deleteStack({ organization, stackId });
      await follow(installation, rolloutId!, (rollout) => rollout.state === "STATE_SUCCEEDED");
    },
    cleanUp: async () => {
      const { docker } = installation.hosts[0]!.host.engine;
      const filters = { label: [`com.docker.compose.project=${stack.name}`] };
      const { Volumes: volumes } = await docker.listVolumes({ filters: JSON.stringify(filters) });
      for (const volume of volumes) await docker.getVolume(volume.Name).remove();
    },
  };
}

function isHealthy(rollout: Rollout): boolean {
  return (rollout.hosts ?? []).every((host) => HEALTHY.has(host.state ?? ""));
}

async function follow(
  { api, organization }: Installation,
  rolloutId: string,
  holds: (rollout: Rollout) => boolean,
): Promise<void> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  for await (const { message } of api.rollouts.watchRollout({ organization, rolloutId }, { signal })) {
    if (holds(message)) return;
    if (message.state === "STATE_FAILED") throw new Error(`The rollout failed: ${message.cause ?? ""}`);
  }
  throw new Error(`The rollout ${rolloutId} ended before it was healthy.`);
}
