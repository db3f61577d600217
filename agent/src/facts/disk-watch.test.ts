import { expect, test } from "vitest";
import type { Clock } from "../platform/clock.ts";
import { createDiskWatch } from "./disk-watch.ts";

const GIGABYTE = 1024 ** 3;

test("a disk that has changed by a twentieth is told, and not more often than each five minutes", () => {
  let now = 0;
  let due: (() => void) | undefined;
  const clock: Clock = {
    now: () => now,
    after: (_ms, callback) => {
      due = callback;
      return () => (due = undefined);
    },
  };
  let freeBytes = 50 * GIGABYTE;
  let moved = 0;
  let busy = true;
  const watch = createDiskWatch({
    clock,
    look: () => ({ freeBytes, totalBytes: 100 * GIGABYTE }),
    isBusy: () => busy,
    onMoved: () => (moved += 1),
  });
  const passTo = (at: number): void => {
    now = at;
    due?.();
  };
  passTo(30_000);
  expect(moved).toBe(0);
  watch.told({ freeBytes, totalBytes: 100 * GIGABYTE });
  freeBytes = 20 * GIGABYTE;
  passTo(60_000);
  expect(moved).toBe(0);
  // Somebody builds here, which is what fills the disk.
  passTo(330_000);
  expect(moved).toBe(0);
  busy = false;
  passTo(360_000);
  expect(moved).toBe(1);
  watch.told({ freeBytes, totalBytes: 100 * GIGABYTE });
  freeBytes = 19 * GIGABYTE;
  passTo(900_000);
  expect(moved).toBe(1);
  watch.stop();
  expect(due).toBeUndefined();
});
