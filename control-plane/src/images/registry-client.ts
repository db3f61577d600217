import { ProblemError } from "../platform/index.ts";
import { registriesErrors, type RegistryCredential } from "../registries/index.ts";
import { readChallenge, type Challenge } from "./challenge.ts";
import { imagesErrors } from "./errors.ts";
import type { ImagePlace } from "./reference.ts";
import { askRegistry, registryBase, unreachable, type RegistryAnswer, type RegistryTrust } from "./registry-http.ts";

/** One image's registry, asked with the OCI distribution API. Every call may throw WF_REGISTRY_* and WF_IMAGE_NOT_FOUND. */
export interface RegistryClient {
  /** The bytes of an index or a manifest, by tag or digest. */
  document(version: string): Promise<Uint8Array>;
  /** The bytes of a blob from an offset on. */
  blob(digest: string, offset: number): AsyncIterable<Uint8Array>;
}

const DOCUMENT_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

// The three documents of an image travel in one message of at most 4 MiB; real ones have some kB.
export const MOST_DOCUMENT_BYTES: number = 1024 * 1024;
const MOST_TOKEN_BYTES = 256 * 1024;
// A connection that is slow but alive may take its time; a document that takes longer than this does not come.
const DOCUMENT_MS = 60_000;

export function createRegistryClient(parts: {
  readonly place: ImagePlace;
  readonly trust: RegistryTrust;
  readonly credential: RegistryCredential | undefined;
  readonly signal: AbortSignal;
}): RegistryClient {
  const { place, trust, credential, signal } = parts;
  const base = `${registryBase(place.address, trust)}/v2/${place.repository}`;
  let authorization: string | undefined;

  async function tokenFor(challenge: Extract<Challenge, { scheme: "bearer" }>): Promise<string> {
    if (!URL.canParse(challenge.realm)) throw unreachable(place.address, "it names no address of a token service");
    const url = new URL(challenge.realm);
    if (challenge.service !== "") url.searchParams.set("service", challenge.service);
    url.searchParams.set("scope", challenge.scope || `repository:${place.repository}:pull`);
    const headers = credential === undefined ? {} : { authorization: basic(credential) };
    const answer = await askRegistry({ url, headers, signal: within(signal) }, trust);
    if (answer.status !== 200) throw failure(answer, place, credential);
    const given = tokenIn(await readAll(answer, MOST_TOKEN_BYTES, place));
    if (given === undefined) throw unreachable(url.host, "it answers without a token");
    return `Bearer ${given}`;
  }

  async function get(path: string, headers: Record<string, string>, patience: AbortSignal): Promise<RegistryAnswer> {
    const url = new URL(`${base}/${path}`);
    const once = (): Promise<RegistryAnswer> =>
      askRegistry(
        { url, signal: patience, headers: authorization === undefined ? headers : { ...headers, authorization } },
        trust,
      );
    const first = await once();
    const challenge = first.status === 401 ? readChallenge(first.header("www-authenticate")) : undefined;
    if (challenge === undefined) return first;
    first.body.destroy();
    if (challenge.scheme === "bearer") authorization = await tokenFor(challenge);
    else if (credential !== undefined && authorization === undefined) authorization = basic(credential);
    else throw failure(first, place, credential);
    return once();
  }

  return {
    document: async (version) => {
      const answer = await get(`manifests/${version}`, { accept: DOCUMENT_TYPES }, within(signal));
      if (answer.status !== 200) throw failure(answer, place, credential);
      return readAll(answer, MOST_DOCUMENT_BYTES, place);
    },
    blob: async function* (digest, offset) {
      const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
      const answer = await get(`blobs/${digest}`, headers, signal);
      if (answer.status !== 200 && answer.status !== 206) throw failure(answer, place, credential);
      // A registry that knows no ranges sends all of it.
      let skip = answer.status === 200 ? offset : 0;
      try {
        for await (const piece of answer.body as AsyncIterable<Buffer>) {
          const rest = piece.subarray(skip);
          skip -= piece.length - rest.length;
          if (rest.length > 0) yield rest;
        }
      } catch (error) {
        throw unreachable(place.address, error instanceof Error ? error.message : String(error));
      } finally {
        answer.body.destroy();
      }
    },
  };
}

/** Undefined for what is no answer of a token service: a page of a proxy, for one. */
function tokenIn(body: Uint8Array): string | undefined {
  try {
    const read = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown> | null;
    return [read?.["token"], read?.["access_token"]].find(
      // What stands in a header.
      (one): one is string => typeof one === "string" && /^[\x20-\x7e]+$/.test(one),
    );
  } catch {
    return undefined;
  }
}

async function readAll(answer: RegistryAnswer, most: number, place: ImagePlace): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of answer.body as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > most) {
        const detail = `${place.address} sends more than ${most} bytes for a document of ${place.repository}`;
        throw new ProblemError({ code: imagesErrors.WF_IMAGE_UNSUPPORTED, detail });
      }
      pieces.push(piece);
    }
  } catch (error) {
    throw error instanceof ProblemError ? error : unreachable(place.address, String(error));
  } finally {
    answer.body.destroy();
  }
  return Buffer.concat(pieces);
}

// What the registry writes is not repeated: an address that somebody names must not be read through us.
function failure(answer: RegistryAnswer, place: ImagePlace, credential: RegistryCredential | undefined): ProblemError {
  answer.body.destroy();
  const { status } = answer;
  const image = `${place.repository} (${place.version})`;
  if (status === 401 || status === 403) {
    const detail =
      credential === undefined
        ? `registry ${place.registry} wants credentials for ${image} and there are none: add them under Registries in WindFlow`
        : `registry ${place.registry} refuses the stored username and password for ${image}: correct them under Registries in WindFlow`;
    return new ProblemError({ code: registriesErrors.WF_REGISTRY_UNAUTHORIZED, detail });
  }
  if (status === 429) {
    const detail = `registry ${place.registry} limits pulls and the limit is reached: wait, or store other credentials under Registries in WindFlow`;
    return new ProblemError({ code: registriesErrors.WF_REGISTRY_UNAUTHORIZED, detail });
  }
  if (status === 404)
    return new ProblemError({
      code: registriesErrors.WF_IMAGE_NOT_FOUND,
      detail: `registry ${place.registry} has no ${image}: correct its name or tag, or push it`,
    });
  return unreachable(place.address, `it answers with status ${status}`);
}

function basic({ username, password }: RegistryCredential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function within(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(DOCUMENT_MS)]);
}
