import { renderCompose } from "@windflow/control-plane";
import type { TestEngine } from "@windflow/e2e/testbed";
import type { Deployer } from "./deployer.ts";
import type { BenchStack } from "./stacks.ts";

type Docker = TestEngine["docker"];
type Model = NonNullable<ReturnType<typeof renderCompose>["model"]>;
type Service = Model["services"][string];

// More starts at once do not come up sooner on two cores: the engine needs its own 115 ms of processor for each.
const STARTS_AT_ONCE = 4;
const NANOSECONDS = 1e9;

/**
 * The engine's own floor: the calls that cannot be saved, with the plan already known, no model to render, nothing stored, nobody
 * told. What a deployer takes beyond it is its own.
 */
export async function engineFloor(engine: TestEngine, stack: BenchStack): Promise<Deployer> {
  const { docker } = engine;
  const [before, after] = [modelOf(stack, 1), modelOf(stack, 2)];
  const changed = Object.keys(before.services).filter(
    (name) => JSON.stringify(before.services[name]) !== JSON.stringify(after.services[name]),
  );
  const names = Object.keys(before.services);
  const networks = Object.values(before.networks ?? {}).map((network) => network?.name ?? "");
  const volumes = Object.values(before.volumes ?? {}).map((volume) => volume?.name ?? "");
  const watch = await watchHealth(docker);

  const start = (name: string): Promise<void> =>
    docker
      .getContainer(`${stack.name}-${name}`)
      .start()
      .then(() => undefined);
  const well = async (name: string): Promise<void> => {
    if (before.services[name]?.healthcheck !== undefined) await watch.healthy(`${stack.name}-${name}`);
  };
  return {
    cold: async () => {
      await Promise.all([
        ...networks.map((Name) => docker.createNetwork({ Name })),
        ...volumes.map((Name) => docker.createVolume({ Name })),
      ]);
      await atOnce(names, (name) => create(docker, stack, before, name));
      const started = new Map<string, Promise<void>>();
      const limit = createLimit(STARTS_AT_ONCE);
      for (const name of inOrder(before)) {
        const dependencies = Object.keys(before.services[name]?.depends_on ?? {});
        const ready = Promise.all(dependencies.flatMap((dependency) => started.get(dependency) ?? []));
        started.set(
          name,
          ready.then(() => limit(() => start(name))).then(() => well(name)),
        );
      }
      await Promise.all(started.values());
    },
    noop: async () => {
      await Promise.all([docker.listContainers({ all: true }), docker.listNetworks(), docker.listVolumes()]);
    },
    change: async () => {
      for (const name of changed) {
        const old = docker.getContainer((await docker.getContainer(`${stack.name}-${name}`).inspect()).Id);
        await old.rename({ name: `${stack.name}-${name}-old` });
        await create(docker, stack, after, name);
        await old.stop();
        await Promise.all([old.remove(), start(name).then(() => well(name))]);
      }
    },
    down: async () => {
      await atOnce(names, async (name) => {
        const container = docker.getContainer(`${stack.name}-${name}`);
        await container.stop();
        await container.remove();
      });
      for (const name of networks) await docker.getNetwork(name).remove();
    },
    cleanUp: async () => {
      watch.close();
      for (const name of volumes) await docker.getVolume(name).remove();
    },
  };
}

function modelOf(stack: BenchStack, version: number): Model {
  const { model, problems } = renderCompose({
    projectName: `${stack.name}-floor`,
    workingDir: "/stack",
    files: new Map([["compose.yaml", stack.compose(version)]]),
    composeFiles: ["compose.yaml"],
    environment: {},
    profiles: [],
  });
  if (model === undefined) throw new Error(`The bench's stack ${stack.name} is not valid: ${JSON.stringify(problems)}`);
  return model;
}

async function create(docker: Docker, stack: BenchStack, model: Model, name: string): Promise<void> {
  const service = model.services[name]!;
  const key = Object.keys(service.networks ?? {})[0] ?? "default";
  const network = model.networks?.[key]?.name ?? "";
  const ports = (service.ports ?? []).map((port) => [`${port.target}/tcp`, [{ HostPort: port.published ?? "" }]]);
  await docker.createContainer({
    name: `${stack.name}-${name}`,
    Image: service.image ?? "",
    ...(service.command ? { Cmd: [...service.command] } : {}),
    Env: Object.entries(service.environment ?? {}).map(([variable, value]) => `${variable}=${value ?? ""}`),
    ExposedPorts: Object.fromEntries(ports.map(([port]) => [port, {}])) as Record<string, object>,
    ...healthcheck(service),
    HostConfig: {
      NetworkMode: network,
      PortBindings: Object.fromEntries(ports) as Record<string, object>,
      Binds: (service.volumes ?? []).map((mount) => `${model.volumes?.[mount.source ?? ""]?.name}:${mount.target}:rw`),
      RestartPolicy: { Name: "unless-stopped" },
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [name] } } },
  });
}

function healthcheck(service: Service): object {
  const check = service.healthcheck;
  if (check?.test === undefined) return {};
  const nanoseconds = (text: string | undefined): number => Number.parseInt(text ?? "0", 10) * NANOSECONDS;
  const { test, interval, timeout, retries } = check;
  return {
    Healthcheck: { Test: test, Interval: nanoseconds(interval), Timeout: nanoseconds(timeout), Retries: retries },
  };
}

/** Dependencies first. */
function inOrder(model: Model): string[] {
  const ordered = new Set<string>();
  const visit = (name: string): void => {
    for (const dependency of Object.keys(model.services[name]?.depends_on ?? {})) visit(dependency);
    ordered.add(name);
  };
  for (const name of Object.keys(model.services)) visit(name);
  return [...ordered];
}

interface HealthWatch {
  healthy(container: string): Promise<void>;
  close(): void;
}

async function watchHealth(docker: Docker): Promise<HealthWatch> {
  const healthy = new Map<string, PromiseWithResolvers<void>>();
  const of = (name: string): PromiseWithResolvers<void> => {
    const known = healthy.get(name) ?? Promise.withResolvers<void>();
    healthy.set(name, known);
    return known;
  };
  const filters = JSON.stringify({ type: ["container"], event: ["health_status"] });
  const stream = (await docker.getEvents({ filters })) as NodeJS.ReadableStream & { destroy(): void };
  let rest = "";
  stream.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = JSON.parse(line) as { Action: string; Actor: { Attributes: { name: string } } };
      if (event.Action === "health_status: healthy") of(event.Actor.Attributes.name).resolve();
    }
  });
  return {
    healthy: async (name) => {
      await of(name).promise;
      healthy.delete(name);
    },
    close: () => stream.destroy(),
  };
}

function createLimit(most: number): <T>(act: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (act) => {
    while (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
    try {
      return await act();
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };
}

async function atOnce<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const limit = createLimit(STARTS_AT_ONCE);
  await Promise.all(items.map((item) => limit(() => act(item))));
}
