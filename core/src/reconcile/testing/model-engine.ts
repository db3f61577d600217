import { serviceConfigHash } from "../../compose/config-hash.ts";
import type { DesiredStack, DesiredWorld } from "../desired.ts";
import { COMPOSE_LABEL } from "../labels.ts";
import type { ObservedContainer, ObservedMount, ObservedWorld } from "../observed.ts";
import { hasHealthcheck, whyStopFirst } from "../service-shape.ts";
import type { Replacement } from "../replacement.ts";
import type { Plan, Step } from "../steps.ts";
import { isRunning } from "../world-index.ts";
import { imageId } from "./small-world.ts";

/** An engine of plain values that does steps as Docker would and refuses what Docker would refuse. */
export interface ModelEngine {
  world(): ObservedWorld;
  /** Does the steps of a plan in an order that their dependencies allow, at most `limit` of them. */
  run(plan: Plan, desired: DesiredWorld, limit?: number): void;
  /** What the plans so far asked to be remembered. */
  replacements(): readonly Replacement[];
  /** Notes that the start of a container was refused, as an agent does. */
  noteFailed(slot: string, reason: string): void;
  passTime(ms: number): void;
  change(edit: (world: ObservedWorld) => ObservedWorld): void;
}

export function createModelEngine(initial: ObservedWorld): ModelEngine {
  let world = initial;
  let counter = 0;
  // An engine shows the ports of what runs only.
  const wantedPorts = new Map<string, readonly number[]>();
  let replacements: readonly Replacement[] = [];
  const nextId = (): string => `${(++counter).toString(16).padStart(12, "0")}${"f".repeat(52)}`;

  const patch = (id: string, change: Partial<ObservedContainer>): void => {
    if (!world.containers.some((container) => container.id === id)) throw new Error(`no container ${id}`);
    const containers = world.containers.map((container) =>
      container.id === id ? { ...container, ...change } : container,
    );
    world = { ...world, containers };
  };

  const create = (step: Extract<Step, { op: "create-container" }>, stack: DesiredStack): string => {
    const spec = stack.model.services[step.service];
    if (!spec) throw new Error(`no service ${step.service}`);
    if (world.containers.some((container) => container.name === step.name))
      throw new Error(`name ${step.name} is taken`);
    const image = world.images.find(({ id, tags }) =>
      step.imageId === undefined ? tags.includes(step.imageReference) : id === step.imageId,
    );
    if (!image) throw new Error(`no image ${step.imageReference}`);
    const id = nextId();
    const shares = new Map(
      step.shares.map((shared) => [
        shared.service,
        shared.containerId ?? world.containers.find((container) => container.name === shared.container)?.id,
      ]),
    );
    const hash = serviceConfigHash(spec, { containerId: (service) => shares.get(service) });
    if (hash === undefined) throw new Error(`${step.slot} shares a container that does not exist`);
    const networks = Object.keys(spec.networks ?? {}).map((key) => {
      const name = stack.model.networks?.[key]?.name ?? `${stack.project}_${key}`;
      const network = world.networks.find((found) => found.name === name);
      if (!network) throw new Error(`no network ${name}`);
      return { name, networkId: network.id };
    });
    const mounts = (spec.volumes ?? []).map((mount): ObservedMount => {
      const name = stack.model.volumes?.[mount.source ?? ""]?.name ?? `${stack.project}_${mount.source}`;
      if (mount.type === "volume" && !world.volumes.some((volume) => volume.name === name))
        throw new Error(`no volume ${name}`);
      return { type: mount.type, name, destination: mount.target, readWrite: true };
    });
    const container: ObservedContainer = {
      id,
      name: step.name,
      image: image.id,
      imageId: image.id,
      labels: { ...step.labels, [COMPOSE_LABEL.configHash]: hash, [COMPOSE_LABEL.image]: image.id },
      state: "created",
      health: "none",
      createdAt: counter,
      statusText: "Created",
      networkMode: networks[0]?.name ?? "none",
      networks,
      mounts,
      ports: [],
      command: "",
    };
    world = { ...world, containers: [...world.containers, container] };
    wantedPorts.set(
      id,
      (spec.ports ?? []).map(({ published }) => Number(published)),
    );
    return id;
  };

  const apply = (step: Step, desired: DesiredWorld, created: Map<string, string>): void => {
    const stack = desired.stacks.find(({ stackId }) => stackId === step.stackId);
    const idOf = (known: string | undefined, slot: string): string => known ?? created.get(slot) ?? `unknown ${slot}`;
    switch (step.op) {
      case "pull-image":
      case "load-image": {
        const id = step.op === "load-image" ? step.delivered.configDigest : imageId(step.reference);
        const image = { id, tags: [step.reference], digests: [], sizeBytes: 1 };
        const untagged = world.images.map((old) => ({
          ...old,
          tags: old.tags.filter((tag) => tag !== step.reference),
        }));
        world = { ...world, images: [...untagged.filter((old) => old.id !== id), image] };
        return;
      }
      case "create-network": {
        const network = { id: nextId(), name: step.name, driver: "bridge", labels: step.labels };
        world = { ...world, networks: [...world.networks, network] };
        return;
      }
      case "remove-network": {
        const user = world.containers.find((container) =>
          container.networks.some((at) => at.networkId === step.networkId),
        );
        if (user) throw new Error(`network ${step.name} is in use by ${user.name}`);
        world = { ...world, networks: world.networks.filter((network) => network.id !== step.networkId) };
        return;
      }
      case "create-volume":
        world = { ...world, volumes: [...world.volumes, { name: step.name, driver: "local", labels: step.labels }] };
        return;
      case "remove-volume": {
        const user = world.containers.find(({ mounts }) => mounts.some(({ name }) => name === step.name));
        if (user) throw new Error(`volume ${step.name} is in use by ${user.name}`);
        world = { ...world, volumes: world.volumes.filter(({ name }) => name !== step.name) };
        return;
      }
      case "create-container":
        if (stack) created.set(step.slot, create(step, stack));
        return;
      case "start-container": {
        const id = idOf(step.containerId, step.slot);
        const spec = stack?.model.services[step.service ?? ""];
        if (spec && whyStopFirst(spec) !== undefined) refuseSecondWriter(world, id);
        refuseTakenPort(world, id, wantedPorts.get(id) ?? []);
        patch(id, {
          state: "running",
          ports: (wantedPorts.get(id) ?? []).map((port) => ({ hostPort: port, containerPort: 80, protocol: "tcp" })),
          detail: { createdAt: 0, startedAt: world.observedAt, restartCount: 0, outOfMemory: false },
          interrupted: false,
          health: spec && hasHealthcheck(spec) ? "starting" : "none",
          ...(step.hooks > 0 ? { hooksDue: 0 } : {}),
        });
        return;
      }
      case "stop-container":
        patch(step.containerId, { state: "exited", exitCode: 143, health: "none", interrupted: true, ports: [] });
        return;
      case "restart-container":
        patch(step.containerId, {
          state: "running",
          health: "none",
          detail: { createdAt: 0, startedAt: world.observedAt, restartCount: 0, outOfMemory: false },
        });
        return;
      case "set-restart-policy": {
        const { detail } = world.containers.find(({ id }) => id === step.containerId) ?? {};
        if (detail) patch(step.containerId, { detail: { ...detail, restartPolicy: step.policy } });
        return;
      }
      case "remove-container":
        world = { ...world, containers: world.containers.filter(({ id }) => id !== step.containerId) };
        return;
      case "rename-container":
        if (world.containers.some(({ name }) => name === step.to)) throw new Error(`name ${step.to} is taken`);
        patch(idOf(step.containerId, step.slot), { name: step.to });
        return;
      case "connect-network": {
        const at = world.containers.find(({ id }) => id === step.containerId);
        const network = world.networks.find(({ name }) => name === step.name);
        patch(step.containerId, {
          networks: [...(at?.networks ?? []), { name: step.name, networkId: network?.id ?? "" }],
        });
        return;
      }
      case "run-hook": {
        const id = idOf(step.containerId, step.slot);
        const at = world.containers.find((container) => container.id === id);
        if (at?.state !== "running") throw new Error(`${step.id}: ${step.slot} does not run`);
        if (step.phase === "pre_stop") return;
        const { hooksDue, ...rest } = at;
        if (hooksDue !== step.index) throw new Error(`${step.id} is not the hook that is due`);
        const next = !step.isLast ? { ...rest, hooksDue: step.index + 1 } : rest;
        world = { ...world, containers: world.containers.map((container) => (container.id === id ? next : container)) };
        return;
      }
      case "wait": {
        const waited = world.containers.filter(({ name }) => name === step.slot || name.endsWith(`_${step.slot}`));
        for (const container of waited.filter(isRunning))
          patch(container.id, step.until === "completed" ? { state: "exited", exitCode: 0 } : { health: "healthy" });
      }
    }
  };

  return {
    world: () => world,
    run(plan, desired, limit = Number.POSITIVE_INFINITY) {
      replacements = plan.replacements;
      const created = new Map<string, string>();
      const done = new Set<string>();
      for (const step of plan.steps) {
        if (done.size >= limit) return;
        const open = step.dependsOn.find((id) => !done.has(id));
        if (open !== undefined) throw new Error(`${step.id} comes before ${open}`);
        apply(step, desired, created);
        done.add(step.id);
      }
    },
    replacements: () => replacements,
    noteFailed(slot, reason) {
      replacements = replacements.map((known) =>
        known.slot === slot && known.failure === undefined ? { ...known, failure: reason } : known,
      );
    },
    passTime(ms) {
      // Probes pass unless a test says otherwise.
      const probed = world.containers.map((container) =>
        ms > 0 && container.state === "running" && container.health === "starting"
          ? { ...container, health: "healthy" as const }
          : container,
      );
      world = { ...world, containers: probed, observedAt: world.observedAt + ms };
    },
    change(edit) {
      world = edit(world);
    },
  };
}

function refuseTakenPort(world: ObservedWorld, id: string, wanted: readonly number[]): void {
  for (const { name, ports } of world.containers.filter((other) => other.id !== id && isRunning(other)))
    for (const { hostPort } of ports)
      if (hostPort !== undefined && wanted.includes(hostPort)) throw new Error(`${name} has the port ${hostPort}`);
}

function refuseSecondWriter(world: ObservedWorld, id: string): void {
  const starting = world.containers.find((container) => container.id === id);
  const same =
    (label: string): ((other: ObservedContainer) => boolean) =>
    (other) =>
      other.labels[label] === starting?.labels[label];
  const other = world.containers
    .filter((container) => container.id !== id && isRunning(container))
    .filter(same(COMPOSE_LABEL.project))
    .filter(same(COMPOSE_LABEL.service))
    .find(same(COMPOSE_LABEL.number));
  if (other) throw new Error(`${starting?.name} and ${other.name} would write at once`);
}
