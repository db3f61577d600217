import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRecords, encodeRecord } from "./record.ts";

const payloads = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 10 });
const encodeAll = (list: readonly Uint8Array[]): Buffer =>
  Buffer.concat(list.map((payload, i) => encodeRecord({ sequence: BigInt(i + 1), payload })));

test("a file cut anywhere gives every whole record before the cut, and says where they end", () => {
  fc.assert(
    fc.property(payloads, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
      const whole = encodeAll(list);
      const cut = Math.floor(whole.length * share);
      const { records, validBytes } = decodeRecords(whole.subarray(0, cut));
      expect(validBytes).toBeLessThanOrEqual(cut);
      expect(encodeAll(records.map((record) => record.payload))).toEqual(whole.subarray(0, validBytes));
      expect(records.map((record) => record.sequence)).toEqual(records.map((_, i) => BigInt(i + 1)));
    }),
  );
});

test("a flipped bit ends the reading before the damaged record, never gives it", () => {
  fc.assert(
    fc.property(payloads, fc.nat(), fc.integer({ min: 0, max: 7 }), (list, place, bit) => {
      const bytes = encodeAll(list);
      const at = place % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      const { records, validBytes } = decodeRecords(bytes);
      expect(validBytes).toBeLessThanOrEqual(at);
      for (const [i, record] of records.entries()) expect(record.payload).toEqual(Buffer.from(list[i] ?? []));
    }),
  );
});
