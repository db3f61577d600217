import type { ComposeModel, ComposeService } from "@windflow/core";
import type { Explanation, KeyPath } from "./problem.ts";

export interface EffectlessKey {
  readonly path: KeyPath;
  readonly explanation: Explanation;
}

const SWARM = "only a Swarm acts on it, and docker compose passes over it too";

/** Keys of a service that docker compose accepts and does not act on, or that mean something only where files are developed. */
export function effectless(name: string, service: ComposeService, model: ComposeModel): EffectlessKey[] {
  const { deploy } = service;
  const keys: [KeyPath, boolean, string][] = [
    [["deploy", "mode"], deploy?.mode !== undefined && deploy.mode !== "replicated", SWARM],
    [
      ["deploy", "labels"],
      deploy?.labels !== undefined,
      "they would be labels of a Swarm service; containers have labels of their own",
    ],
    [["deploy", "update_config"], deploy?.update_config !== undefined, "the waves of a rollout are set on the rollout"],
    [["deploy", "rollback_config"], deploy?.rollback_config !== undefined, "the way back is set on the rollout"],
    [["deploy", "endpoint_mode"], deploy?.endpoint_mode !== undefined, SWARM],
    [
      ["deploy", "placement"],
      Object.keys(deploy?.placement ?? {}).length > 0,
      "hosts are chosen by the placement of the stack",
    ],
    [["deploy", "restart_policy", "delay"], deploy?.restart_policy?.delay !== undefined, SWARM],
    [["deploy", "restart_policy", "window"], deploy?.restart_policy?.window !== undefined, SWARM],
    [
      ["deploy", "resources", "reservations", "generic_resources"],
      deploy?.resources?.reservations?.generic_resources !== undefined,
      SWARM,
    ],
    [["develop"], service.develop !== undefined, "it is for docker compose watch on a developer's machine"],
    [["attach"], service.attach !== undefined, "it only steers the output of docker compose up"],
    [
      ["external_links"],
      service.external_links !== undefined,
      "containers of other stacks are reached through a shared network",
    ],
  ];
  return [
    ...keys.flatMap(([key, given, why]) =>
      given ? [noEffect(["services", name, ...key], key.map(String).join("."), why)] : [],
    ),
    ...swarmNetworks(service, model),
  ];
}

function swarmNetworks(service: ComposeService, model: ComposeModel): EffectlessKey[] {
  return Object.keys(service.networks ?? {}).flatMap((key) => {
    const network = model.networks?.[key];
    return network?.attachable === true && network.driver !== "overlay"
      ? [noEffect(["networks", key, "attachable"], "attachable", SWARM)]
      : [];
  });
}

function noEffect(path: KeyPath, key: string, why: string): EffectlessKey {
  return {
    path,
    explanation: { what: `${key} has no effect here`, why, fix: "remove it, or leave it for other tools" },
  };
}
