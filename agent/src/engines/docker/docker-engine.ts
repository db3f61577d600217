import { existsSync } from "node:fs";
import type { ComposeNetwork, ComposeVolume, ContainerHealth, ObservedContainer } from "@windflow/core";
import type Docker from "dockerode";
import { EngineError, type EngineEvent, type ReconcileEngine } from "../../reconcile/engine.ts";
import type { TagEngine } from "../../kept-tags.ts";
import type { AdoptEngine } from "../../adopt/index.ts";
import type { BuildsEngine } from "../builds-engine.ts";
import type { RegistryEngine } from "../../registries/engine.ts";
import type { StreamsEngine } from "../streams-engine.ts";
import { buildsEngine } from "./build-engine.ts";
import { asked, createLink, engineError, statusOf, type Connection } from "./connection.ts";
import { createBody } from "./create-body.ts";
import { subscribe } from "./events.ts";
import { startExec } from "./exec.ts";
import { containerLogs } from "./logs.ts";
import { networkBody, volumeBody } from "./resource-bodies.ts";
import { endpointOf } from "./networking.ts";
import type { Podman } from "./podman.ts";
import { runProbes } from "./podman-probes.ts";
import { runHook } from "./hook.ts";
import { inspectContainer } from "./inspect.ts";
import { inspectCreated, inspectProject } from "./inspect-project.ts";
import { createLists } from "./lists.ts";
import { localImage, remoteImage, signIn } from "./distribution.ts";
import { pull } from "./pull.ts";
import { figuresOf } from "./stats.ts";
import { putFiles } from "./put-files.ts";
import { detailOf, factsOf } from "./wire.ts";

// Where it runs, Podman has it run the healthchecks.
const SYSTEMD = "/run/systemd/system";
const NOT_MODIFIED = 304;
const NOT_FOUND = 404;
const CONFLICT = 409;

export interface DockerEngine
  extends ReconcileEngine, StreamsEngine, RegistryEngine, AdoptEngine, BuildsEngine, TagEngine {}

/** A Docker Engine, or a Podman that speaks its API, behind a unix socket. Nothing is opened before the first call. */
export function createDockerEngine(options: { readonly socketPath: string }): DockerEngine {
  const link = createLink(options.socketPath);
  const lists = createLists();
  const call = async <T>(act: (connection: Connection) => Promise<T>): Promise<T> => {
    const connection = await link.connect();
    try {
      return await asked(() => act(connection));
    } catch (error) {
      const failure = engineError(error);
      // The engine may come back as another version.
      if (failure instanceof EngineError && failure.unreachable) link.forget();
      throw failure;
    }
  };
  return {
    ...buildsEngine(call),
    facts: () =>
      call(async ({ docker, apiMinor }) => {
        const [version, information] = await Promise.all([docker.version(), docker.info()]);
        return factsOf(version, apiMinor, information as Record<string, unknown>);
      }),
    listContainers: () =>
      call(async ({ docker, podman }) => {
        const [containers, health] = await Promise.all([lists.containers(docker), podman?.health()]);
        if (health === undefined) return containers;
        return containers.map((container) => asPodmanMeans(container, health.get(container.id) ?? "none"));
      }),
    listNetworks: () => call(({ docker }) => lists.networks(docker)),
    listVolumes: () => call(({ docker }) => lists.volumes(docker)),
    listImages: () => call(({ docker }) => lists.images(docker)),
    containerDetail: (containerId) =>
      call(async ({ docker }) => detailOf(await inspectContainer(docker, containerId))).catch(orAbsent),
    subscribe: (listener, since) =>
      call(async ({ docker, podman }) => {
        const subscription = await subscribe(docker, listener, since);
        if (podman !== undefined && !existsSync(SYSTEMD)) probeWhile(subscription.ended, docker, podman, listener);
        return subscription;
      }),
    localImage: (reference) => call(({ docker }) => localImage(docker, reference)),
    remoteImage: (reference, request) => call(({ docker }) => remoteImage(docker, reference, request)),
    signIn: (credentials, signal) => call(({ docker }) => signIn(docker, credentials, signal)),
    pullImage: (request, onProgress) => call(({ docker }) => pull(docker, request, onProgress)),
    createNetwork: (name, network: ComposeNetwork, labels) =>
      call(async ({ docker }) => void (await docker.createNetwork(networkBody(name, network, labels)))),
    removeNetwork: (networkId) =>
      call(async ({ docker }) => void (await docker.getNetwork(networkId).remove())).catch(ignoring(NOT_FOUND)),
    createVolume: (name, volume: ComposeVolume, labels) =>
      call(async ({ docker }) => void (await docker.createVolume(volumeBody(name, volume, labels)))),
    removeVolume: (name) =>
      call(async ({ docker }) => void (await docker.getVolume(name).remove())).catch(ignoring(NOT_FOUND)),
    createContainer: (request) =>
      call(async ({ docker, apiMinor }) => {
        const { body, later } = createBody(request, apiMinor);
        const platform = request.service.platform;
        const query = { name: request.name, ...(platform === undefined ? {} : { platform }) };
        const { id } = await docker.createContainer({ ...query, ...body });
        for (const network of later)
          await docker.getNetwork(network.name).connect({
            Container: id,
            EndpointConfig: endpointOf(network, request.service, request.links, apiMinor),
          });
        return id;
      }),
    copyFiles: (containerId, files) => call(({ docker }) => putFiles(docker.getContainer(containerId), files)),
    startContainer: (containerId) =>
      call(async ({ docker }) => void (await docker.getContainer(containerId).start())).catch(ignoring(NOT_MODIFIED)),
    stopContainer: (containerId) =>
      call(async ({ docker }) => void (await docker.getContainer(containerId).stop())).catch(
        ignoring(NOT_MODIFIED, NOT_FOUND),
      ),
    restartContainer: (containerId) =>
      call(async ({ docker }) => void (await docker.getContainer(containerId).restart())),
    removeContainer: (containerId) =>
      call(async ({ docker }) => void (await docker.getContainer(containerId).remove({ v: false }))).catch(
        ignoring(NOT_FOUND),
      ),
    renameContainer: (containerId, name) =>
      call(async ({ docker }) => void (await docker.getContainer(containerId).rename({ name }))),
    setRestartPolicy: (containerId, { name, maximumRetries }) =>
      call(async ({ docker }) => {
        const RestartPolicy = { Name: name, MaximumRetryCount: name === "on-failure" ? maximumRetries : 0 };
        await docker.getContainer(containerId).update({ RestartPolicy });
      }),
    tagImage: (imageId, repository, tag) =>
      call(async ({ docker }) => void (await docker.getImage(imageId).tag({ repo: repository, tag }))),
    untagImage: (name) =>
      call(async ({ docker }) => void (await docker.getImage(name).remove({ noprune: true }))).catch(
        // A container that runs on it keeps it, and its name.
        ignoring(NOT_FOUND, CONFLICT),
      ),
    runHook: (containerId, request) => call(({ docker }) => runHook(docker, containerId, request)),
    connectNetwork: ({ network, containerId, service }) =>
      call(async ({ docker, apiMinor }) => {
        const EndpointConfig = endpointOf(network, service, [], apiMinor);
        await docker.getNetwork(network.name).connect({ Container: containerId, EndpointConfig });
      }),
    inspectProject: (project) => call(({ docker }) => inspectProject(docker, project)),
    createdAs: (containerId) => call(({ docker }) => inspectCreated(docker, containerId)),
    inspectContainer: (containerId) => call(({ docker }) => inspectContainer(docker, containerId)),
    async *containerLogs(containerId, request) {
      const { docker } = await link.connect();
      yield* containerLogs(docker, containerId, request);
    },
    exec: (containerId, request) => call(({ docker }) => startExec(docker, containerId, request)),
    containerStats: (containerId) =>
      call(async ({ docker }) =>
        // One shot: without it the engine waits a second for a second sample.
        figuresOf(await docker.getContainer(containerId).stats({ stream: false, "one-shot": true })),
      ),
  };
}

/** Its list has the health nowhere, and the name of a network in place of its id. */
function asPodmanMeans(container: ObservedContainer, health: ContainerHealth): ObservedContainer {
  return { ...container, health, networks: container.networks.map((endpoint) => ({ ...endpoint, networkId: "" })) };
}

function probeWhile(ended: Promise<void>, docker: Docker, podman: Podman, onEvent: (event: EngineEvent) => void): void {
  const aborter = new AbortController();
  const intervalOf = async (containerId: string): Promise<number | undefined> => {
    const { Config: config } = await inspectContainer(docker, containerId);
    const nanoseconds = config.Healthcheck?.Interval ?? 0;
    return nanoseconds > 0 ? nanoseconds / 1e6 : undefined;
  };
  const stop = (): void => aborter.abort();
  runProbes({ podman, intervalOf, onEvent, signal: aborter.signal }).then(stop, stop);
  ended.then(stop, stop);
}

function ignoring(...statuses: readonly number[]): (error: unknown) => void {
  return (error) => {
    const failure = engineError(error);
    if (!statuses.includes(statusOf(failure) ?? 0)) throw failure;
  };
}

function orAbsent(error: unknown): undefined {
  const failure = engineError(error);
  if (statusOf(failure) !== NOT_FOUND) throw failure;
  return undefined;
}
