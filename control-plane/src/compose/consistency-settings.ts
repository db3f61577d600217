import type { ComposeDeploy, ComposeModel, ComposeService } from "@windflow/core";
import type { Refuse } from "./problem.ts";

/** Exclusions between the settings of one service. */
export function checkSettings(name: string, service: ComposeService, refuse: Refuse): void {
  checkNetworkMode(name, service, refuse);
  checkHealthcheck(name, service, refuse);
  checkScale(name, service, refuse);
  checkLimits(name, service, refuse);
  checkWatch(name, service, refuse);
  checkMounts(name, service, refuse);
}

function checkNetworkMode(name: string, service: ComposeService, refuse: Refuse): void {
  if (service.network_mode === undefined || Object.keys(service.networks ?? {}).length === 0) return;
  refuse("WF_COMPOSE_CONFLICT", ["services", name, "network_mode"], {
    what: "network_mode and networks stand together",
    why: "with network_mode the service does not join networks of its own",
    fix: "keep one of them",
  });
}

function checkHealthcheck(name: string, service: ComposeService, refuse: Refuse): void {
  const [first] = service.healthcheck?.test ?? [];
  if (first === undefined || ["CMD", "CMD-SHELL", "NONE"].includes(first)) return;
  refuse("WF_COMPOSE_SYNTAX", ["services", name, "healthcheck", "test"], {
    what: `healthcheck.test begins with "${first}"`,
    why: 'a list must begin with "CMD", "CMD-SHELL" or "NONE"',
    fix: `write ["CMD", "${first}", …]`,
  });
}

function checkScale(name: string, service: ComposeService, refuse: Refuse): void {
  const replicas = service.deploy?.replicas;
  if (service.scale !== undefined && replicas !== undefined && service.scale !== replicas) {
    refuse("WF_COMPOSE_CONFLICT", ["services", name, "scale"], {
      what: `scale is ${service.scale} and deploy.replicas is ${replicas}`,
      why: "both say how many containers there are",
      fix: "keep one of them",
    });
  }
  const wanted = service.scale ?? replicas ?? 1;
  if (wanted > 1 && service.container_name !== undefined) {
    refuse("WF_COMPOSE_CONFLICT", ["services", name, "container_name"], {
      what: `container_name is set and ${wanted} containers are wanted`,
      why: "the name of a container is unique on its host",
      fix: "remove container_name, or ask for one container",
    });
  }
}

/** Repeats `scale` in a service's `deploy`, where it has one, as docker compose does once both are known to agree. */
export function withScaledReplicas(model: ComposeModel): ComposeModel {
  const services = Object.entries(model.services).map(([name, service]) => {
    const { scale, deploy } = service;
    return [name, scale === undefined || deploy === undefined ? service : withReplicas(service, deploy, scale)];
  });
  return { ...model, services: Object.fromEntries(services) };
}

function withReplicas(service: ComposeService, deploy: ComposeDeploy, replicas: number): ComposeService {
  return { ...service, deploy: { ...deploy, replicas } };
}

function checkLimits(name: string, service: ComposeService, refuse: Refuse): void {
  const { limits, reservations } = service.deploy?.resources ?? {};
  const pairs = [
    ["cpus", service.cpus, limits, limits?.cpus, "limits.cpus"],
    ["mem_limit", service.mem_limit, limits, limits?.memory, "limits.memory"],
    ["mem_reservation", service.mem_reservation, reservations, reservations?.memory, "reservations.memory"],
    ["pids_limit", service.pids_limit, limits, limits?.pids, "limits.pids"],
  ] as const;
  for (const [key, own, group, deployed, other] of pairs) {
    if (own === undefined || group === undefined || own === deployed) continue;
    refuse("WF_COMPOSE_CONFLICT", ["services", name, key], {
      what: `${key} and deploy.resources.${other} differ`,
      why: `both set the same limit: ${own} and ${deployed ?? "none"}`,
      fix: "keep one of them, or give both the same value",
    });
  }
}

function checkWatch(name: string, service: ComposeService, refuse: Refuse): void {
  for (const [i, watch] of (service.develop?.watch ?? []).entries()) {
    const path = ["services", name, "develop", "watch", i];
    if (watch.target === undefined && watch.action !== "rebuild" && watch.action !== "restart") {
      refuse("WF_COMPOSE_CONFLICT", path, {
        what: `the action ${watch.action} has no target`,
        why: "changed files must be copied somewhere in the container",
        fix: "add target: the path in the container",
      });
    }
  }
}

function checkMounts(name: string, service: ComposeService, refuse: Refuse): void {
  const mounted = new Set<string>();
  const claim = (target: string, key: string, index: number): void => {
    if (mounted.has(target)) {
      refuse("WF_COMPOSE_CONFLICT", ["services", name, key, index], {
        what: `${target} is mounted twice`,
        why: "only one mount can be seen at a path",
        fix: "choose another target for one of them",
      });
    }
    mounted.add(target);
  };
  for (const [i, line] of (service.tmpfs ?? []).entries()) {
    claim(line.split(":", 1)[0] ?? line, "tmpfs", i);
  }
  for (const [i, { target }] of (service.volumes ?? []).entries()) claim(target, "volumes", i);
}
