import type Docker from "dockerode";
import { registryOf } from "@windflow/core";
import type { LocalImage, RegistryCall, RemoteImage } from "../../registries/engine.ts";
import { registryError } from "../../registries/registry-words.ts";
import { EngineError, type RegistryCredentials } from "../../reconcile/engine.ts";
import { asked, engineError, statusOf } from "./connection.ts";
import { dial } from "./dial.ts";
import { isRecord } from "./json-lines.ts";

const NOT_FOUND = 404;
const UNIMPLEMENTED = 501;

/** Credentials as the Engine API takes them. */
export interface AuthConfig {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

export function authConfig({ username, password, serverAddress }: RegistryCredentials): AuthConfig {
  return { username, password, serveraddress: serverAddress };
}

/** The image as the engine has it; undefined when it has none of that name. */
export async function localImage(docker: Docker, reference: string): Promise<LocalImage | undefined> {
  try {
    const found = await asked(() => docker.getImage(reference).inspect());
    return { id: found.Id, digests: found.RepoDigests ?? [], platform: `${found.Os}/${found.Architecture}` };
  } catch (error) {
    if (error instanceof Error && statusOf(engineError(error)) === NOT_FOUND) return undefined;
    throw error;
  }
}

/** Asks the image's registry by way of the engine, which trusts and reaches what its pulls would. */
export async function remoteImage(docker: Docker, reference: string, call: RegistryCall): Promise<RemoteImage> {
  const { credentials, signal } = call;
  const found = await telling({ reference, address: registryOf(reference), signedIn: credentials !== undefined }, () =>
    dial<unknown>(docker, {
      path: `/distribution/${reference}/json`,
      method: "GET",
      statusCodes: { 200: true },
      abortSignal: signal,
      ...(credentials === undefined ? {} : { authconfig: authConfig(credentials) }),
    }).catch(refuseUnknownPath),
  );
  const descriptor = isRecord(found) && isRecord(found["Descriptor"]) ? found["Descriptor"] : {};
  const platforms = isRecord(found) && Array.isArray(found["Platforms"]) ? found["Platforms"] : [];
  return {
    digest: typeof descriptor["digest"] === "string" ? descriptor["digest"] : "",
    platforms: platforms.flatMap(platformName),
  };
}

// Docker's own 404 says in JSON what was not found; Podman has no such path, and says nothing.
function refuseUnknownPath(error: unknown): never {
  if (isRecord(error) && error["statusCode"] === NOT_FOUND && !hasMessage(error["json"]))
    throw new EngineError("this host's engine cannot ask a registry without pulling", UNIMPLEMENTED);
  throw error;
}

function hasMessage(json: unknown): boolean {
  return isRecord(json) && typeof json["message"] === "string";
}

/** Signs in to a registry as a pull would. */
export async function signIn(docker: Docker, credentials: RegistryCredentials, signal: AbortSignal): Promise<void> {
  const address = registryOf(`${credentials.serverAddress.replace(/^https:\/\//, "")}/`);
  await telling({ address, signedIn: true }, () =>
    dial<unknown>(docker, {
      path: "/auth",
      method: "POST",
      statusCodes: { 200: true, 204: true },
      abortSignal: signal,
      options: authConfig(credentials),
    }),
  );
}

/** Runs what asks a registry; what goes wrong with that is told as the registry's fault, in one sentence. */
export async function telling<T>(act: Parameters<typeof registryError>[1], call: () => Promise<T>): Promise<T> {
  try {
    return await asked(call);
  } catch (error) {
    throw error instanceof EngineError ? registryError(error, act) : error;
  }
}

function platformName(platform: unknown): string[] {
  if (!isRecord(platform)) return [];
  const { os, architecture, variant } = platform;
  if (typeof os !== "string" || typeof architecture !== "string") return [];
  return [typeof variant === "string" && variant !== "" ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`];
}
