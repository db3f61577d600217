import type { Installation } from "@windflow/e2e";
import type { Deployer } from "./deployer.ts";
import type { BenchStack } from "./stacks.ts";

// The slowest stack takes about 4 s; the rest is for a loaded machine.
const DEADLINE_MS = 120_000;
// `up --wait` returns as soon as all is running and healthy, so no quiet time is asked for here either.
const HEALTH_GATE = { stableSeconds: 0 };

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
    const rollout = await api.rollouts.createRollout({ organization, stackId, revision, healthGate: HEALTH_GATE });
    await follow(installation, rollout.id!);
  };
  return {
    cold: () => deploy(1),
    noop: rollOut,
    change: () => deploy(2),
    down: async () => {
      const { rolloutId } = await api.stacks.deleteStack({ organization, stackId });
      await follow(installation, rolloutId!);
    },
    cleanUp: async () => {
      const { docker } = installation.hosts[0]!.host.engine;
      const filters = { label: [`com.docker.compose.project=${stack.name}`] };
      const { Volumes: volumes } = await docker.listVolumes({ filters: JSON.stringify(filters) });
      for (const volume of volumes) await docker.getVolume(volume.Name).remove();
    },
  };
}

async function follow({ api, organization }: Installation, rolloutId: string): Promise<void> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  for await (const { message } of api.rollouts.watchRollout({ organization, rolloutId }, { signal })) {
    if (message.state === "STATE_SUCCEEDED") return;
    if (message.state === "STATE_FAILED") throw new Error(`The rollout failed: ${message.cause ?? ""}`);
  }
  throw new Error(`The rollout ${rolloutId} ended before it was healthy.`);
}
