/** How credentials and requests name Docker Hub, which image references leave out. */
export const DOCKER_HUB = "docker.io";

const HUB_NAMES: ReadonlySet<string> = new Set([
  DOCKER_HUB,
  "index.docker.io",
  "registry-1.docker.io",
  "registry.hub.docker.com",
  "hub.docker.com",
]);
const DEFAULT_PORT = ":443";

/** One spelling for addresses of the same registry: lower case, without the port that TLS has anyway, one name for Docker Hub. */
export function canonicalRegistry(address: string): string {
  const lower = address.toLowerCase();
  const host = lower.endsWith(DEFAULT_PORT) ? lower.slice(0, -DEFAULT_PORT.length) : lower;
  return HUB_NAMES.has(host) ? DOCKER_HUB : host;
}

/** The registry that an image comes from: `host[:port]` of the reference, or "docker.io" when it names none. */
export function registryOf(reference: string): string {
  const slash = reference.indexOf("/");
  const first = slash < 0 ? "" : reference.slice(0, slash);
  return namesRegistry(first) ? canonicalRegistry(first) : DOCKER_HUB;
}

/** Whether the first part of an image reference is an address and not a namespace of Docker Hub. */
export function namesRegistry(part: string): boolean {
  return part === "localhost" || /[.:A-Z]/.test(part);
}

/** `repository` of `repository[:tag][@digest]`. */
export function repositoryOf(reference: string): string {
  const name = reference.replace(/@.*$/, "");
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  return colon < 0 ? name : name.slice(0, colon);
}
