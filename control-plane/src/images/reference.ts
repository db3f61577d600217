import { DOCKER_HUB, registryOf, repositoryOf } from "@windflow/core";

/** Where an image is, as its registry is asked for it. */
export interface ImagePlace {
  /** As credentials are kept by: `docker.io` for Docker Hub. */
  readonly registry: string;
  /** `host[:port]` that is connected to. */
  readonly address: string;
  /** e.g. `library/nginx`. */
  readonly repository: string;
  /** The digest when the reference has one, else the tag. */
  readonly version: string;
}

// Docker Hub's own name for its registry.
const HUB_ADDRESS = "registry-1.docker.io";
const HUB_NAMESPACE = "library/";
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MOST_NAME_CHARACTERS = 255;

/** `registry/repository`: what an image is fetched from. */
export function sourceOf({ registry, repository }: ImagePlace): string {
  return `${registry}/${repository}`;
}

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Undefined when the text is no reference that a registry can be asked for. */
export function placeOf(reference: string): ImagePlace | undefined {
  const registry = registryOf(reference);
  const whole = repositoryOf(reference);
  const first = whole.slice(0, Math.max(0, whole.indexOf("/")));
  const hasAddress = first !== "" && registryOf(`${first}/x`) === registry && /[.:A-Z]|^localhost$/.test(first);
  const path = hasAddress ? whole.slice(first.length + 1) : whole;
  const isHub = registry === DOCKER_HUB;
  const repository = isHub && !path.includes("/") ? HUB_NAMESPACE + path : path;
  const at = reference.indexOf("@");
  const tag = reference.slice(whole.length + 1).replace(/@.*$/, "");
  const version = at >= 0 ? reference.slice(at + 1) : tag === "" ? "latest" : tag;
  if (repository.length > MOST_NAME_CHARACTERS || !NAME.test(repository)) return undefined;
  if (at >= 0 ? !DIGEST.test(version) : !TAG.test(version)) return undefined;
  return { registry, address: isHub ? HUB_ADDRESS : registry, repository, version };
}
