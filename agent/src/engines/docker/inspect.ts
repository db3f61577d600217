import type Docker from "dockerode";
import { engineError, statusOf } from "./connection.ts";

// `read /proc/182/cgroup: no such process`, or `open …: no such file or directory`.
const ENDED_MEANWHILE = /\/proc\/\d+\/cgroup: no such /;
const SERVER_ERROR = 500;

/** Podman reads the control group of the container's process, and fails when that ends in the same moment: asked again, it knows. */
export async function inspectContainer(docker: Docker, containerId: string): Promise<Docker.ContainerInspectInfo> {
  const container = docker.getContainer(containerId);
  try {
    return await container.inspect();
  } catch (error) {
    const failure = engineError(error);
    if (statusOf(failure) !== SERVER_ERROR || !ENDED_MEANWHILE.test(failure.message)) throw failure;
    return container.inspect();
  }
}
