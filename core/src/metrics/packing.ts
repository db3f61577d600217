import { deflateRawSync, inflateRawSync } from "node:zlib";
import { type SampleBatch, type SampleColumn, SampleColumns } from "@windflow/proto/agent";
import { readColumns } from "./read-columns.ts";

/** Far more than the figures of a host with hundreds of devices; a few bytes must not become gigabytes. */
const MAX_UNPACKED_BYTES = 1024 * 1024;

/**
 * Texts that every batch repeats. Part of the protocol: it never changes, or batches of older agents could not be read; columns
 * that come later travel in full. Names stand as they follow each other in a batch, which packs best.
 */
const DICTIONARY = Buffer.from(
  [
    "block_read_bytes_per_second block_write_bytes_per_second cpu_used_cores memory_limit_bytes memory_used_bytes processes",
    "cpu_iowait_ratio cpu_steal_ratio cpu_used_ratio disk_read_bytes_per_second:sda disk_total_bytes:/ disk_used_bytes:/",
    "disk_write_bytes_per_second:vda load_1m memory_total_bytes memory_used_bytes network_receive_bytes_per_second:eth0",
    "network_transmit_bytes_per_second:eth0 swap_used_bytes uptime_seconds",
  ].join(" "),
);

const DEFLATE = { level: 9, dictionary: DICTIONARY };
/** The same bytes for what is no longer than this, as a container's figures are, without a quarter of a megabyte of tables for each. */
const SMALL_BYTES = 1_024;
const DEFLATE_SMALL = { ...DEFLATE, windowBits: 11, memLevel: 4, chunkSize: SMALL_BYTES };

/** Kept, with its memory: a host packs the figures of each of its containers, one after the other. */
let writer: ReturnType<typeof SampleColumns.encode> | undefined;

/** The batch with its columns deflated: less than half the bytes, most of which are names that never change. */
export function packSamples(batch: SampleBatch): SampleBatch {
  writer = SampleColumns.encode({ columns: batch.columns }, writer);
  const bytes = writer.finish();
  const packedColumns = deflateRawSync(bytes, bytes.length > SMALL_BYTES ? DEFLATE : DEFLATE_SMALL);
  return { ...batch, columns: [], packedColumns };
}

// What a usual batch becomes fits into one chunk, and memory for a larger one is most of what unpacking a small batch would take.
const CHUNK_BYTES = 2048;
const INFLATE = { maxOutputLength: MAX_UNPACKED_BYTES, dictionary: DICTIONARY, chunkSize: CHUNK_BYTES };

/**
 * Columns of a batch, packed or not. Empty when the packed ones cannot be read: one damaged batch must not keep the host's
 * spool from being acknowledged.
 */
export function unpackSamples(batch: SampleBatch): readonly SampleColumn[] {
  if (batch.packedColumns.length === 0) return batch.columns;
  try {
    const bytes = inflateRawSync(batch.packedColumns, INFLATE);
    return readColumns(bytes) ?? SampleColumns.decode(bytes).columns;
  } catch {
    return [];
  }
}
