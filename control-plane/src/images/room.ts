import { statfs } from "node:fs/promises";
import { sizeText } from "@windflow/core";
import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";

// What the database writes beside the files: its log of changes, and everything else that goes on meanwhile.
const RESERVE_BYTES = 2 * 1024 * 1024 * 1024;
// What a stored byte takes with its rows and their index.
const BYTES_PER_BYTE = 1.06;

/**
 * Why so many bytes more do not fit on the disk of an embedded database, in words; undefined when they do. What was removed before
 * leaves room in its tables, which the file system does not know of.
 * @param tx of the system: the tables are of all organizations
 */
export async function lackOfDisk(tx: UnitOfWork, folder: string, bytes: number): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(folder);
  const { rows } = await sql<{ taken: bigint; stored: bigint }>`SELECT
    pg_total_relation_size('stored_file_pieces')::bigint AS taken,
    (SELECT coalesce(sum(received_bytes), 0) FROM stored_files)::bigint AS stored`.execute(tx.queries);
  const { taken = 0n, stored = 0n } = rows[0] ?? {};
  const left = Math.max(0, Number(taken) - Number(stored) * BYTES_PER_BYTE);
  const free = bavail * bsize;
  const needed = Math.ceil(bytes * BYTES_PER_BYTE);
  if (needed <= left + Math.max(0, free - RESERVE_BYTES)) return undefined;
  const reserved = `${sizeText(RESERVE_BYTES)} stay reserved`;
  return `it needs ${sizeText(needed)}; the database has ${sizeText(left)} left by what was removed, and ${sizeText(free)} are free on its disk, of which ${reserved}`;
}
