import { ControlFrame, DesiredStack, DesiredState } from "@windflow/proto/agent";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodedDesiredState, encodedFrame, encodedKind, type ToAgent } from "./wire.ts";

const number = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const counted = fc.maxSafeNat();
const word = fc.string({ maxLength: 40 });
const stack = fc
  .record({ stackId: word, revision: fc.nat(1_000), bodyDigest: word, attempt: word, recreateVolumes: fc.array(word) })
  .map((some) => DesiredStack.fromPartial(some));

test("a frame whose words were encoded before is read as the one that was meant", () => {
  const kind: fc.Arbitrary<ToAgent> = fc.oneof(
    fc.record({ $case: fc.constant("spoolAck" as const), value: fc.record({ spoolId: word, sequence: number }) }),
    fc.constant({ $case: "observeNow" as const, value: {} }),
  );
  fc.assert(
    fc.property(counted, counted, kind, (id, ack, said) => {
      const frame = ControlFrame.decode(encodedFrame(id, ack, encodedKind(said)));
      expect(frame).toEqual({ id: BigInt(id), ack: BigInt(ack), kind: said });
    }),
  );
});

test("hosts that share a list of stacks are each told their own generation with it", () => {
  fc.assert(
    fc.property(
      fc.array(stack, { maxLength: 4 }),
      fc.array(fc.tuple(number, number), { minLength: 1 }),
      (stacks, all) => {
        for (const [term, n] of all) {
          const value = DesiredState.fromPartial({ generation: { term, n }, stacks });
          const frame = encodedFrame(1, 2, encodedDesiredState({ term, n }, stacks));
          expect(ControlFrame.decode(frame)).toEqual({ id: 1n, ack: 2n, kind: { $case: "desiredState", value } });
        }
      },
    ),
  );
});
