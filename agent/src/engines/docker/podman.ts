import type { ContainerHealth } from "@windflow/core";
import type Docker from "dockerode";
import { dial } from "./dial.ts";
import { isRecord } from "./json-lines.ts";

// Understood by every Podman from 4.0 on.
const API = "/v4.0.0/libpod";
const ANSWERS = { 200: true, 404: "no such container", 409: "container not running", 500: "server error" } as const;
const HEALTH: ReadonlySet<string> = new Set<ContainerHealth>(["starting", "healthy", "unhealthy"]);

/** What Podman tells and does through its own API only. */
export interface Podman {
  /** Container id → health of those that run and have a healthcheck. */
  health(): Promise<Map<string, ContainerHealth>>;
  /** Runs the healthcheck of a container once; its health counts the result. */
  probe(containerId: string): Promise<void>;
}

/** @param client without a version of Docker's API in front of its paths */
export function createPodman(client: Docker): Podman {
  const get = (path: string): Promise<unknown> =>
    dial(client, { path: `${API}${path}`, method: "GET", statusCodes: ANSWERS });
  return {
    health: async () => {
      const listed = await get("/containers/json");
      const found = new Map<string, ContainerHealth>();
      for (const container of Array.isArray(listed) ? (listed as unknown[]) : []) {
        if (!isRecord(container)) continue;
        const { Id: id, Status: status } = container;
        if (typeof id === "string" && isHealth(status)) found.set(id, status);
      }
      return found;
    },
    probe: async (containerId) => void (await get(`/containers/${containerId}/healthcheck`)),
  };
}

export function isPodman(version: Docker.DockerVersion): boolean {
  return (version.Components ?? []).some(({ Name }) => /podman/i.test(Name));
}

function isHealth(value: unknown): value is ContainerHealth {
  return typeof value === "string" && HEALTH.has(value);
}
