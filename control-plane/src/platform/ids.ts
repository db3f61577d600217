import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";

/** Makes ids such as `hst_01934f5e-7c1a-7b3e-9f00-0123456789ab`: a kind, then a UUID version 7. */
export type NewId = (prefix: string) => string;

const UUID_BYTES = 16;
const PREFIX = /^[a-z]{2,4}$/;

/**
 * Ids sort by the time they were made, so that an index on them stays compact and lists have an order.
 * Made here and not by the database: PostgreSQL 15 has no uuidv7(), and a caller knows the id before the insert.
 */
export function createNewId(clock: Clock, random: (size: number) => Uint8Array = pooledRandom()): NewId {
  return (prefix) => {
    if (!PREFIX.test(prefix)) throw new TypeError(`"${prefix}" is not an id prefix: two to four lower-case letters`);
    return `${prefix}_${uuidV7(clock.now().getTime(), random(UUID_BYTES))}`;
  };
}

// Ids for some hundred things that happen together: asking the system for each costs more than the id.
const POOL_BYTES = 4_096;

/** Random bytes, of which none is given twice. */
function pooledRandom(): (size: number) => Uint8Array {
  let pool: Uint8Array = new Uint8Array();
  return (size) => {
    if (pool.length < size) pool = randomBytes(Math.max(POOL_BYTES, size));
    const taken = pool.subarray(0, size);
    pool = pool.subarray(size);
    return taken;
  };
}

/** RFC 9562 section 5.7: 48 bits of Unix milliseconds, version 7, variant 10, the rest random. */
export function uuidV7(unixMs: number, random: Uint8Array): string {
  const bytes = Buffer.from(random.subarray(0, UUID_BYTES));
  bytes.writeUIntBE(unixMs, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** True for `prefix_` followed by a UUID. */
export function isId(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}_`) && UUID.test(text.slice(prefix.length + 1));
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
