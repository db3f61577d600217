import { crc32 } from "node:zlib";

/** Length, checksum, sequence: in front of each payload. */
export const RECORD_HEADER_BYTES = 16;
/** Larger than any batch of samples; a length beyond it is a torn or foreign file, not a record. */
export const MAX_PAYLOAD_BYTES: number = 1024 * 1024;

export interface SpoolRecord {
  readonly sequence: bigint;
  readonly payload: Uint8Array;
}

/** u32 length of the payload, u32 CRC-32 over sequence and payload, u64 sequence, payload; little endian. */
export function encodeRecord(record: SpoolRecord): Buffer {
  if (record.payload.length > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`a spool entry has at most ${MAX_PAYLOAD_BYTES} bytes, this one ${record.payload.length}`);
  }
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + record.payload.length);
  bytes.writeUInt32LE(record.payload.length, 0);
  bytes.writeBigUInt64LE(record.sequence, 8);
  bytes.set(record.payload, RECORD_HEADER_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

export interface DecodedRecords {
  readonly records: SpoolRecord[];
  /** Bytes up to the end of the last whole record; what follows was being written when the machine stopped. */
  readonly validBytes: number;
}

/** Reads records until the end, or until the first that is torn or damaged. Payloads are views of `bytes`. */
export function decodeRecords(bytes: Buffer): DecodedRecords {
  const records: SpoolRecord[] = [];
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + RECORD_HEADER_BYTES + length;
    if (length > MAX_PAYLOAD_BYTES || end > bytes.length) break;
    if (bytes.readUInt32LE(at + 4) !== crc32(bytes.subarray(at + 8, end))) break;
    records.push({ sequence: bytes.readBigUInt64LE(at + 8), payload: bytes.subarray(at + RECORD_HEADER_BYTES, end) });
    at = end;
  }
  return { records, validBytes: at };
}
