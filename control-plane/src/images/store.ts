import { sql } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { Descriptor } from "./documents.ts";
import type { CachedImage, CacheState, ImageKey, WantedImage } from "./model.ts";

interface CachedImagesTable {
  organization_id: string;
  source: string;
  digest: string;
  platform: string;
  reference: string;
  state: CacheState;
  problem: string;
  code: string;
  documents: Buffer | null;
  layers: Descriptor[];
  bytes_done: bigint;
  fetched_at: Date | null;
  last_used_at: Date;
  told_at: Date;
}
interface Tables {
  cached_images: CachedImagesTable;
}

const SHOWN = [
  "source",
  "digest",
  "platform",
  "reference",
  "state",
  "problem",
  "code",
  "layers",
  "bytes_done",
  "fetched_at",
  "last_used_at",
  "told_at",
] as const;

/** The documents lie behind one another, each after its length: they are read together or not at all. */
export function packDocuments(documents: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    documents.flatMap((bytes) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

export function unpackDocuments(packed: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const documents: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    documents.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return documents;
}

/** Notes that the image is wanted: begun when it is not there, or begun anew. True unless it was there already. */
export async function beginImage(
  tx: UnitOfWork,
  organizationId: string,
  image: WantedImage,
  at: { readonly now: Date; readonly failedBefore: Date; readonly silentBefore: Date },
): Promise<boolean> {
  const { rows } = await sql`INSERT INTO cached_images AS known
      (organization_id, source, digest, platform, reference, state, problem, code, layers, bytes_done, last_used_at, told_at)
    VALUES (${organizationId}, ${image.source}, ${image.digest}, ${image.platform}, ${image.reference}, 'fetching', '', '', '[]'::jsonb, 0, ${at.now}, ${at.now})
    ON CONFLICT (organization_id, source, digest, platform) DO UPDATE
      SET state = 'fetching', problem = '', code = '', reference = excluded.reference, last_used_at = ${at.now}, told_at = ${at.now}
      WHERE (known.state = 'failed' AND known.told_at < ${at.failedBefore})
        OR (known.state = 'fetching' AND known.told_at < ${at.silentBefore})
    RETURNING 1`.execute(tx.queries);
  return rows.length > 0;
}

export async function readImage(
  tx: UnitOfWork,
  organizationId: string,
  { source, digest, platform }: ImageKey,
): Promise<CachedImage | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("cached_images")
    .select(SHOWN)
    .where("organization_id", "=", organizationId)
    .where("source", "=", source)
    .where("digest", "=", digest)
    .where("platform", "=", platform)
    .executeTakeFirst();
  return row === undefined ? undefined : imageOf(row);
}

/** Undefined unless the image is ready. */
export async function readDocuments(
  tx: UnitOfWork,
  organizationId: string,
  { source, digest, platform }: ImageKey,
): Promise<Uint8Array[] | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("cached_images")
    .select("documents")
    .where("organization_id", "=", organizationId)
    .where("source", "=", source)
    .where("digest", "=", digest)
    .where("platform", "=", platform)
    .where("state", "=", "ready")
    .executeTakeFirst();
  const packed = row?.documents ?? undefined;
  return packed === undefined ? undefined : unpackDocuments(packed);
}

/** Those used last first. */
export async function listImages(tx: UnitOfWork, organizationId: string, limit: number): Promise<CachedImage[]> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("cached_images")
    .select(SHOWN)
    .where("organization_id", "=", organizationId)
    .orderBy("last_used_at", "desc")
    .limit(limit)
    .execute();
  return rows.map(imageOf);
}

/** The images that are kept, for any platform, under these digests. */
export async function readKeys(
  tx: UnitOfWork,
  organizationId: string,
  digests: readonly string[],
): Promise<ImageKey[]> {
  if (digests.length === 0) return [];
  return tablesOf<Tables>(tx)
    .selectFrom("cached_images")
    .select(["source", "digest", "platform"])
    .where("organization_id", "=", organizationId)
    .where(sql<boolean>`digest = ANY(${[...digests]}::text[])`)
    .where("state", "=", "ready")
    .execute();
}

/** Changes what is given. */
export async function updateImage(
  tx: UnitOfWork,
  organizationId: string,
  { source, digest, platform }: ImageKey,
  change: {
    readonly state?: CacheState;
    readonly problem?: string;
    readonly code?: string;
    readonly documents?: readonly Uint8Array[];
    readonly layers?: readonly Descriptor[];
    readonly bytesDone?: number;
    readonly fetchedAt?: Date;
    readonly lastUsedAt?: Date;
    readonly toldAt?: Date;
  },
): Promise<void> {
  const { state, problem, code, documents, layers, bytesDone, fetchedAt, lastUsedAt, toldAt } = change;
  await tablesOf<Tables>(tx)
    .updateTable("cached_images")
    .set({
      ...(state === undefined ? {} : { state }),
      ...(problem === undefined ? {} : { problem }),
      ...(code === undefined ? {} : { code }),
      ...(documents === undefined ? {} : { documents: packDocuments(documents) }),
      ...(layers === undefined ? {} : { layers: sql<Descriptor[]>`${JSON.stringify(layers)}::jsonb` }),
      ...(bytesDone === undefined ? {} : { bytes_done: BigInt(bytesDone) }),
      ...(fetchedAt === undefined ? {} : { fetched_at: fetchedAt }),
      ...(lastUsedAt === undefined ? {} : { last_used_at: lastUsedAt }),
      ...(toldAt === undefined ? {} : { told_at: toldAt }),
    })
    .where("organization_id", "=", organizationId)
    .where("source", "=", source)
    .where("digest", "=", digest)
    .where("platform", "=", platform)
    .execute();
}

export async function deleteImage(tx: UnitOfWork, organizationId: string, key: ImageKey): Promise<void> {
  await tablesOf<Tables>(tx)
    .deleteFrom("cached_images")
    .where("organization_id", "=", organizationId)
    .where("source", "=", key.source)
    .where("digest", "=", key.digest)
    .where("platform", "=", key.platform)
    .execute();
}

/** Failures that nobody has asked about since. */
export async function forgetFailed(tx: UnitOfWork, organizationId: string, before: Date): Promise<void> {
  await tablesOf<Tables>(tx)
    .deleteFrom("cached_images")
    .where("organization_id", "=", organizationId)
    .where("state", "=", "failed")
    .where("told_at", "<", before)
    .execute();
}

/** One at a time makes room, so that two fetches do not count on the same rest. */
export async function lockCache(tx: UnitOfWork, organizationId: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtext('images'), hashtext(${organizationId}))`.execute(tx.queries);
}

function imageOf(row: Pick<CachedImagesTable, (typeof SHOWN)[number]>): CachedImage {
  return {
    source: row.source,
    digest: row.digest,
    platform: row.platform,
    reference: row.reference,
    state: row.state,
    problem: row.problem,
    code: row.code,
    layers: row.layers,
    bytesDone: Number(row.bytes_done),
    lastUsedAt: row.last_used_at,
    toldAt: row.told_at,
    ...(row.fetched_at === null ? {} : { fetchedAt: row.fetched_at }),
  };
}
