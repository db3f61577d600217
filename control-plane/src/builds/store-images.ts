import type { ColumnType, Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { BuiltImage } from "./model.ts";

interface ImagesTable {
  organization_id: string;
  input_digest: string;
  platform: string;
  config_digest: string;
  config_size_bytes: bigint;
  manifest_digest: string;
  layers: ColumnType<BuiltImage["layers"], string, string>;
  size_bytes: bigint;
  built_at: Date;
  used_at: Date;
}
interface Tables {
  built_images: ImagesTable;
}

/** Keeps what was built; another build of the same input takes the place of the one before. */
export async function putImage(tx: UnitOfWork, organizationId: string, image: BuiltImage): Promise<void> {
  const values = {
    platform: image.platform,
    config_digest: image.configDigest,
    config_size_bytes: BigInt(image.configSizeBytes),
    manifest_digest: image.manifestDigest,
    layers: JSON.stringify(image.layers),
    size_bytes: BigInt(image.sizeBytes),
    built_at: image.builtAt,
    used_at: image.builtAt,
  };
  await tablesOf<Tables>(tx)
    .insertInto("built_images")
    .values({ organization_id: organizationId, input_digest: image.inputDigest, ...values })
    .onConflict((conflict) => conflict.columns(["organization_id", "input_digest"]).doUpdateSet(values))
    .execute();
}

/** Those that were built of these inputs, by input. */
export async function readImages(tx: UnitOfWork, inputDigests: readonly string[]): Promise<Map<string, BuiltImage>> {
  if (inputDigests.length === 0) return new Map();
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("built_images")
    .selectAll()
    .where("input_digest", "in", [...inputDigests])
    .execute();
  return new Map(rows.map((row) => [row.input_digest, imageOf(row)]));
}

/** Somebody needs them: they are kept for another while. */
export async function touchImages(tx: UnitOfWork, inputDigests: readonly string[], at: Date): Promise<void> {
  if (inputDigests.length === 0) return;
  await tablesOf<Tables>(tx)
    .updateTable("built_images")
    .set({ used_at: at })
    .where("input_digest", "in", [...inputDigests])
    .execute();
}

/** Layers of the newest images, each once. */
export async function recentLayers(tx: UnitOfWork, limit: number): Promise<string[]> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("built_images")
    .select("layers")
    .orderBy("built_at", "desc")
    .limit(limit)
    .execute();
  return [...new Set(rows.flatMap(({ layers }) => layers.map(({ digest }) => digest)))];
}

/** Those that nobody has asked for since, of every organization; the longest unused first. */
export async function listUnused(
  tx: UnitOfWork,
  before: Date,
  limit: number,
): Promise<{ organizationId: string; inputDigest: string }[]> {
  return tablesOf<Tables>(tx)
    .selectFrom("built_images")
    .select(["organization_id as organizationId", "input_digest as inputDigest"])
    .where("used_at", "<", before)
    .orderBy("used_at")
    .limit(limit)
    .execute();
}

/** False when somebody has asked for it meanwhile. */
export async function removeUnused(tx: UnitOfWork, inputDigest: string, before: Date): Promise<boolean> {
  const removed = await tablesOf<Tables>(tx)
    .deleteFrom("built_images")
    .where("input_digest", "=", inputDigest)
    .where("used_at", "<", before)
    .executeTakeFirst();
  return removed.numDeletedRows > 0n;
}

function imageOf(row: Selectable<ImagesTable>): BuiltImage {
  return {
    inputDigest: row.input_digest,
    platform: row.platform,
    configDigest: row.config_digest,
    configSizeBytes: Number(row.config_size_bytes),
    manifestDigest: row.manifest_digest,
    layers: row.layers,
    sizeBytes: Number(row.size_bytes),
    builtAt: row.built_at,
  };
}
