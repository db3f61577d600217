import {
  COMPOSE_LABEL,
  createdAs,
  type CreatedAs,
  type InspectedContainer,
  type InspectedImage,
  type InspectedNetwork,
  type InspectedProject,
  type InspectedVolume,
} from "@windflow/core";
import type Docker from "dockerode";
import { engineError, statusOf } from "./connection.ts";
import { inspectContainer } from "./inspect.ts";

const NOT_FOUND = 404;

/** All that the engine has of a compose project; what goes away meanwhile is left out. */
export async function inspectProject(docker: Docker, project: string): Promise<InspectedProject> {
  const filters = { label: [`${COMPOSE_LABEL.project}=${project}`, `${COMPOSE_LABEL.oneOff}=False`] };
  const listed = await docker.listContainers({ all: true, filters });
  const containers = await Promise.all(listed.map(({ Id }) => container(docker, Id)));
  const there = containers.filter((one) => one !== undefined);
  const imageIds = new Set(there.map(({ Image }) => Image));
  const networkNames = new Set(there.flatMap(({ NetworkSettings }) => Object.keys(NetworkSettings?.Networks ?? {})));
  const volumeNames = new Set(
    listed.flatMap(({ Mounts }) => Mounts.flatMap(({ Type, Name }) => (Type === "volume" && Name ? [Name] : []))),
  );
  const [images, networks, volumes] = await Promise.all([
    Promise.all([...imageIds].map((id) => image(docker, id))),
    Promise.all([...networkNames].map((name) => orAbsent(network(docker, name)))),
    Promise.all([...volumeNames].map((name) => orAbsent(volume(docker, name)))),
  ]);
  return {
    project,
    containers: there,
    images: images.filter((one) => one !== undefined),
    networks: networks.filter((one) => one !== undefined).filter(({ Name }) => !ENGINE_NETWORKS.has(Name)),
    volumes: volumes.filter((one) => one !== undefined),
  };
}

const ENGINE_NETWORKS: ReadonlySet<string> = new Set(["bridge", "host", "none"]);

/** How a container was created; undefined when it is gone. */
export async function inspectCreated(docker: Docker, containerId: string): Promise<CreatedAs | undefined> {
  const found = await container(docker, containerId);
  return found && createdAs(found, await image(docker, found.Image));
}

// The published types know a part of what the engine says; the names are the engine's own.
async function container(docker: Docker, id: string): Promise<InspectedContainer | undefined> {
  return orAbsent(inspectContainer(docker, id)) as Promise<unknown> as Promise<InspectedContainer | undefined>;
}
async function image(docker: Docker, id: string): Promise<InspectedImage | undefined> {
  return orAbsent(docker.getImage(id).inspect()) as Promise<unknown> as Promise<InspectedImage | undefined>;
}
async function network(docker: Docker, name: string): Promise<InspectedNetwork> {
  return (await docker.getNetwork(name).inspect()) as unknown as InspectedNetwork;
}
async function volume(docker: Docker, name: string): Promise<InspectedVolume> {
  return (await docker.getVolume(name).inspect()) as unknown as InspectedVolume;
}

async function orAbsent<Found>(asked: Promise<Found>): Promise<Found | undefined> {
  try {
    return await asked;
  } catch (error) {
    const failure = engineError(error);
    if (statusOf(failure) === NOT_FOUND) return undefined;
    throw failure;
  }
}
