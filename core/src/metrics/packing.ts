import { deflateRawSync, inflateRawSync } from "node:zlib";
import { type SampleBatch, type SampleColumn, SampleColumns } from "@windflow/proto/agent";

/** Far more than the figures of a host with hundreds of devices; a few bytes must not become gigabytes. */
const MAX_UNPACKED_BYTES = 1024 * 1024;

/** The batch with its columns deflated: less than half the bytes, most of which are names that never change. */
export function packSamples(batch: SampleBatch): SampleBatch {
  const bytes = SampleColumns.encode({ columns: batch.columns }).finish();
  return { ...batch, columns: [], packedColumns: deflateRawSync(bytes, { level: 9 }) };
}

/**
 * Columns of a batch, packed or not. Empty when the packed ones cannot be read: one damaged batch must not keep the host's
 * spool from being acknowledged.
 */
export function unpackSamples(batch: SampleBatch): readonly SampleColumn[] {
  if (batch.packedColumns.length === 0) return batch.columns;
  try {
    return SampleColumns.decode(inflateRawSync(batch.packedColumns, { maxOutputLength: MAX_UNPACKED_BYTES })).columns;
  } catch {
    return [];
  }
}
