import type { ComposeService } from "../compose/model.ts";

const DEFAULT_REGISTRY = "docker.io/";
const DEFAULT_NAMESPACE = "library/";

/** One spelling for references that mean the same: `nginx`, `docker.io/library/nginx:latest` → `nginx:latest`. */
export function familiarReference(reference: string): string {
  let name = reference.startsWith(DEFAULT_REGISTRY) ? reference.slice(DEFAULT_REGISTRY.length) : reference;
  if (name.startsWith(DEFAULT_NAMESPACE)) name = name.slice(DEFAULT_NAMESPACE.length);
  if (name.includes("@")) return withoutTagBeforeDigest(name);
  // A colon in the last path segment is a tag; one before it belongs to a registry's port.
  return name.slice(name.lastIndexOf("/") + 1).includes(":") ? name : `${name}:latest`;
}

function withoutTagBeforeDigest(name: string): string {
  const at = name.indexOf("@");
  const repository = name.slice(0, at);
  const colon = repository.indexOf(":", repository.lastIndexOf("/") + 1);
  return colon < 0 ? name : repository.slice(0, colon) + name.slice(at);
}

/** True for a bare engine id such as `sha256:…`, which no registry can be asked for. */
export function isImageId(reference: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(reference);
}

/** The reference under which a service's image is known: as written, or for one that is built the name that docker compose gives it. Empty when it has no image. */
export function imageReferenceOf(
  project: string,
  serviceName: string,
  service: Pick<ComposeService, "image" | "build">,
): string {
  if (service.image !== undefined) return service.image;
  return service.build === undefined ? "" : `${project}-${serviceName}`;
}
