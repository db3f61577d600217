import type { ApiClient, Placement, Rollout, Stack, StackSource } from "@windflow/proto/client";

/** A stack to bring to its hosts. */
export interface Deployment {
  organization: string;
  name: string;
  source: StackSource;
  placement: Placement;
  message?: string;
  /** Seconds until a host that has not become healthy fails; the control plane's own default otherwise. */
  deadlineSeconds?: number;
}

/** States in which a rollout has come to its end. */
const ENDED: ReadonlySet<string> = new Set(["STATE_SUCCEEDED", "STATE_FAILED", "STATE_CANCELLED", "STATE_SUPERSEDED"]);

/** Makes the stack when it is new, a revision of it, and a rollout; gives the rollout as it began. */
export async function beginDeploy(api: ApiClient, deployment: Deployment): Promise<Rollout> {
  const { organization, name, source, placement, message = "", deadlineSeconds } = deployment;
  const stack = await ensureStack(api, organization, name, placement);
  const stackId = stack.id ?? "";
  const revision = await api.stacks.createRevision({ organization, stackId, source, message });
  const healthGate = deadlineSeconds === undefined ? undefined : { deadlineSeconds };
  return api.rollouts.createRollout({ organization, stackId, revision: revision.number, healthGate });
}

async function ensureStack(api: ApiClient, organization: string, name: string, placement: Placement): Promise<Stack> {
  const { stacks = [] } = await api.stacks.listStacks({ organization, filter: name });
  const found = stacks.find((stack) => stack.name === name);
  return found ?? api.stacks.createStack({ organization, name, placement });
}

/** Follows a rollout to its end by the watch stream; a broken stream is opened again until `signal` ends it. */
export async function followRollout(
  api: ApiClient,
  organization: string,
  rolloutId: string,
  signal: AbortSignal,
  onChange: (rollout: Rollout) => void = () => undefined,
): Promise<Rollout> {
  let last: Rollout | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      for await (const { message } of api.rollouts.watchRollout({ organization, rolloutId }, { signal })) {
        last = message;
        onChange(message);
        if (ENDED.has(message.state ?? "")) return message;
      }
    } catch (error) {
      if (signal.aborted)
        throw new Error(
          `The rollout did not end in time: ${last === undefined ? "nothing was heard of it" : describeRollout(last)}`,
          { cause: error },
        );
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    }
  }
}

// The control plane is on the same machine or network: it is back within a second or two of a restart.
const RECONNECT_MS = 250;

/** One line for a person: state, cause, and each host that is not done with its services. */
export function describeRollout(rollout: Rollout): string {
  const hosts = (rollout.hosts ?? [])
    .filter((host) => host.state !== "STATE_SUCCEEDED")
    .map((host) => {
      const services = (host.services ?? []).map(({ service = "?", state = "?", cause = "" }) =>
        `${service} ${state} ${cause}`.trim(),
      );
      return `${host.hostName ?? host.hostId ?? "?"}: ${host.state ?? "?"} ${host.cause ?? ""} (${services.join(", ")})`;
    });
  return [`${rollout.state ?? "?"} ${rollout.cause ?? ""}`.trim(), ...hosts].join("; ");
}
