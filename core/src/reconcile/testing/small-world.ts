import type { ComposeHealthcheck, ComposeModel, ComposeService } from "../../compose/model.ts";
import type { DesiredStack, DesiredWorld } from "../desired.ts";
import type { ObservedContainer, ObservedWorld } from "../observed.ts";

export const ORGANIZATION = "org_1";

/** A service in normal form: image `app:1`, the stack's default network, nothing else. */
export function service(extra: Partial<ComposeService> = {}): ComposeService {
  return { image: "app:1", command: null, entrypoint: null, networks: { default: null }, ...extra };
}

export const HEALTHCHECK: ComposeHealthcheck = { test: ["CMD", "true"] };

/** A revision of a stack named `shop` unless said otherwise. */
export function stack(
  services: Record<string, ComposeService>,
  extra: Omit<Partial<DesiredStack>, "model"> & { model?: Partial<ComposeModel> } = {},
): DesiredStack {
  const { model, ...rest } = extra;
  const name = rest.stackName ?? "shop";
  return {
    stackId: `stk_${name}`,
    stackName: name,
    project: name,
    revision: 1,
    bodyDigest: "body",
    files: {},
    images: {},
    ...rest,
    model: { name, services, networks: { default: { name: `${name}_default`, ipam: {} } }, ...model },
  };
}

export function desiredWorld(...stacks: DesiredStack[]): DesiredWorld {
  return { organizationId: ORGANIZATION, generation: "1.1", stacks };
}

export function emptyWorld(extra: Partial<ObservedWorld> = {}): ObservedWorld {
  return {
    observedAt: 0,
    engine: {
      id: "engine",
      name: "Docker Engine",
      version: "28.5.2",
      apiVersion: "1.51",
      operatingSystem: "Linux",
      architecture: "amd64",
      storageDriver: "overlay2",
    },
    containers: [],
    networks: [],
    volumes: [],
    images: [{ id: imageId("app:1"), tags: ["app:1"], digests: [], sizeBytes: 1 }],
    ...extra,
  };
}

export function imageId(reference: string): string {
  return `sha256:${Buffer.from(reference).toString("hex").padEnd(64, "0")}`;
}

/** A container that nobody of ours made. */
export function stranger(name: string, extra: Partial<ObservedContainer> = {}): ObservedContainer {
  return {
    id: `stranger-${name}`,
    name,
    image: "other:1",
    imageId: imageId("other:1"),
    labels: {},
    state: "running",
    health: "none",
    createdAt: 0,
    statusText: "Up 1 hour",
    networkMode: "bridge",
    networks: [],
    mounts: [],
    ports: [],
    command: "",
    ...extra,
  };
}
