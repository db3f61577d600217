import type { ComposeFileObject, ComposeModel, ComposeService } from "../compose/model.ts";
import { compareText, sortedEntries } from "./world-index.ts";

/** A key that Compose knows and no agent carries out: to run the service without it would be to run something else. */
export interface UnsupportedUse {
  readonly service: string;
  /** Key path inside the service, or of the config or secret. */
  readonly key: string;
  readonly why: string;
}

const SERVICE_KEYS: readonly (readonly [keyof ComposeService, string])[] = [
  ["credential_spec", "it is for Windows containers"],
  ["isolation", "it is for Windows containers"],
  ["models", "no host serves models"],
  [
    "pre_start",
    "no released docker compose that this follows runs it: use a service that others depend on to complete",
  ],
  ["provider", "no host has a provider for it"],
  ["use_api_socket", "mount the engine's socket to say so openly"],
];

/** Every key of a model that agents do not carry out, by service; empty means that it can run. */
export function unsupportedUses(model: ComposeModel): UnsupportedUse[] {
  return sortedEntries(model.services).flatMap(([name, service]) => [
    ...keysOf(name, service),
    ...mountsOf(name, service),
    ...filesOf(model, name, service),
  ]);
}

function keysOf(name: string, service: ComposeService): UnsupportedUse[] {
  const keys = SERVICE_KEYS.filter(([key]) => isGiven(service[key])).map(([key, why]) => ({ service: name, key, why }));
  if (service.image === undefined && service.build === undefined && service.provider === undefined)
    keys.push({ service: name, key: "image", why: "it names no image and builds none" });
  return keys;
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

function mountsOf(name: string, service: ComposeService): UnsupportedUse[] {
  return (service.volumes ?? []).flatMap((mount, i) =>
    mount.type === "npipe" || mount.type === "cluster"
      ? [{ service: name, key: `volumes[${i}].type`, why: `${mount.type} mounts are for other kinds of hosts` }]
      : [],
  );
}

function filesOf(model: ComposeModel, name: string, service: ComposeService): UnsupportedUse[] {
  const of = (
    kind: "configs" | "secrets",
    objects: Readonly<Record<string, ComposeFileObject>> = {},
  ): UnsupportedUse[] =>
    (service[kind] ?? []).flatMap(({ source }) => {
      const object = objects[source];
      const why =
        object &&
        (object.content === undefined && object.file === undefined ? whyWithout(object) : whyReadOnly(service));
      return why === undefined ? [] : [{ service: name, key: `${kind}.${source}`, why }];
    });
  return [...of("configs", model.configs), ...of("secrets", model.secrets)].toSorted((a, b) =>
    compareText(a.key, b.key),
  );
}

function whyWithout(object: ComposeFileObject): string {
  return object.external === true
    ? "external ones are of another orchestrator: give it a content or a file"
    : "the environment of the host is not read: give it a content with a variable instead";
}

function whyReadOnly(service: ComposeService): string | undefined {
  return service.read_only === true
    ? "files cannot be put into a container whose read_only is true: mount a volume"
    : undefined;
}
