import type { FetchImageRequest, FetchImageResponse } from "@windflow/proto/agent";
import { StackBody } from "@windflow/proto/agent";
import type { ComposeModel, TicketSigner } from "@windflow/core";
import type { AskingHost, NamedImage, NamesImage } from "../images/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { readBody } from "../stacks/index.ts";
import { readAllDesired, readDesired, type NamedBody } from "./store-desired.ts";

/** The images that the control plane can bring to hosts. */
export interface ImageDelivery {
  imageFor(host: AskingHost, request: FetchImageRequest, isNamed: NamesImage): Promise<FetchImageResponse>;
  /** Signs what hosts show to others of their site. */
  signerOf(organizationId: string): Pick<TicketSigner, "publicKey">;
  /** Holders of the layers of those of these images that are kept. */
  holdersOf(tx: UnitOfWork, images: readonly NamedImage[]): Promise<string[]>;
}

// A body never changes, and a layer is asked for by many hosts in turn: reading it once is enough.
const BODIES_KEPT = 500;

/** Images of registries that bodies name. */
export interface DesiredImages {
  /** By the host's own desired state. */
  ofHost(tx: UnitOfWork, hostId: string): Promise<readonly NamedImage[]>;
  names: NamesImage;
  /** Digests that any desired state of the organization names. */
  allDigests(tx: UnitOfWork): Promise<ReadonlySet<string>>;
}

export function createDesiredImages(): DesiredImages {
  const known = new Map<string, readonly NamedImage[]>();

  async function imagesOf(
    tx: UnitOfWork,
    { stackId, revision, bodyDigest }: NamedBody,
  ): Promise<readonly NamedImage[]> {
    const before = known.get(bodyDigest);
    if (before !== undefined) return before;
    const body = await readBody(tx, stackId, revision, bodyDigest);
    if (body === undefined) return [];
    const images = namedImages(StackBody.decode(body));
    known.set(bodyDigest, images);
    const [oldest] = known.keys();
    if (known.size > BODIES_KEPT && oldest !== undefined) known.delete(oldest);
    return images;
  }
  async function ofBodies(tx: UnitOfWork, bodies: readonly NamedBody[]): Promise<NamedImage[]> {
    const images: NamedImage[] = [];
    for (const body of bodies) images.push(...(await imagesOf(tx, body)));
    return images;
  }
  const ofHost = async (tx: UnitOfWork, hostId: string): Promise<NamedImage[]> =>
    ofBodies(tx, (await readDesired(tx, hostId))?.stacks ?? []);

  return {
    ofHost,
    names: async (tx, hostId, { reference, digest }) =>
      (await ofHost(tx, hostId)).some((one) => one.reference === reference && one.digest === digest),
    allDigests: async (tx) => new Set((await ofBodies(tx, await readAllDesired(tx))).map(({ digest }) => digest)),
  };
}

function namedImages({ images, modelJson }: StackBody): NamedImage[] {
  const pinned = images.flatMap(({ reference, platforms }) =>
    platforms
      // What was built is in no registry, and its layers are files of the revision.
      .filter(
        ({ layers, configSizeBytes, manifestDigest }) =>
          layers.length === 0 && configSizeBytes === 0n && manifestDigest !== "",
      )
      .map(({ manifestDigest }) => ({ reference, digest: manifestDigest })),
  );
  const { services } = JSON.parse(Buffer.from(modelJson).toString("utf8")) as ComposeModel;
  const written = Object.values(services).flatMap(({ image = "" }) =>
    image.includes("@") ? [{ reference: image, digest: image.slice(image.indexOf("@") + 1) }] : [],
  );
  return [...pinned, ...written];
}
