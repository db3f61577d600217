import { expect, test } from "vitest";
import { createBeats } from "./beats.ts";

const BEAT_MS = 15_000;

interface Lived {
  /** When heartbeats went. */
  readonly sent: number[];
  /** How long nothing was sent, and how long no answer to figures came, at most. */
  readonly silenceMs: number;
  readonly unansweredMs: number;
  readonly answers: number;
}

/** Sends what is due for so long, and figures each `everyMs`, with an answer to each, or to those that cannot do without. */
function live(forMs: number, everyMs: number, waives = false): Lived {
  const beats = createBeats();
  const sent: number[] = [];
  let due = 0;
  let [lastMs, silenceMs] = [0, 0];
  let [answeredMs, unansweredMs, answers] = [0, 0, 0];
  const heard = (now: number): void => {
    silenceMs = Math.max(silenceMs, now - lastMs);
    lastMs = now;
  };
  for (let now = 0; now <= forMs; now += 100) {
    if (everyMs > 0 && now % everyMs === 100) {
      heard(now);
      if (!waives || !beats.waivesAnswer(now, BEAT_MS)) {
        beats.answered(now);
        answers++;
        unansweredMs = Math.max(unansweredMs, now - answeredMs);
        answeredMs = now;
      }
    }
    if (now < due) continue;
    const { send, afterMs } = beats.next(now, BEAT_MS, "");
    due = now + afterMs;
    if (!send) continue;
    sent.push(now);
    beats.replied(now);
    heard(now);
  }
  return { sent, silenceMs, unansweredMs, answers };
}

test("with nothing else to say a heartbeat goes each 15 s", () => {
  const { sent } = live(60_000, 0);
  expect(sent).toEqual([0, 15_000, 30_000, 45_000, 60_000]);
});

test("figures that are acknowledged each 15 s save seven of eight, and the host is never silent for longer than with all of them", () => {
  const { sent, silenceMs } = live(600_000, 15_000);
  expect(sent.length).toBeLessThan(8);
  expect(sent.length).toBeGreaterThan(3);
  expect(silenceMs).toBeLessThanOrEqual(17_000);
});

test("once answers stop, heartbeats go again before a lease is in danger", () => {
  const beats = createBeats();
  beats.next(0, BEAT_MS, "");
  beats.replied(10);
  beats.answered(10_000);
  const saved = beats.next(15_000, BEAT_MS, "");
  expect(saved.send).toBe(false);
  expect(beats.next(15_000 + saved.afterMs, BEAT_MS, "").send).toBe(true);
});

test("an engine that goes away, or comes back, is told with the next heartbeat", () => {
  const beats = createBeats();
  beats.next(0, BEAT_MS, "");
  beats.replied(10);
  beats.answered(14_000);
  expect(beats.next(15_000, BEAT_MS, "it does not answer").send).toBe(true);
  beats.answered(29_000);
  expect(beats.next(30_000, BEAT_MS, "").send).toBe(true);
});

test("on a link whose answers take half as long as heartbeats are apart, or that did not answer the last one, none is saved", () => {
  const beats = createBeats();
  beats.next(0, BEAT_MS, "");
  beats.answered(14_000);
  expect(beats.next(15_000, BEAT_MS, "").send).toBe(true);
  beats.replied(15_100);
  beats.answered(29_000);
  // 15.1 s for the first one.
  expect(beats.next(30_000, BEAT_MS, "").send).toBe(true);
  beats.replied(30_100);
  beats.answered(44_000);
  expect(beats.next(45_000, BEAT_MS, "").send).toBe(false);
});

test("a clock that is set back does not silence the host", () => {
  const beats = createBeats();
  beats.next(1_000_000, BEAT_MS, "");
  beats.replied(1_000_010);
  beats.answered(1_000_000);
  expect(beats.next(500_000, BEAT_MS, "").send).toBe(true);
});

test("of two batches one needs no answer; nobody hears nothing for longer than before, and a heartbeat still asks in time", () => {
  const { sent, silenceMs, unansweredMs, answers } = live(600_000, 15_000, true);
  expect(answers).toBeLessThan(25);
  expect(sent.length).toBeLessThan(8);
  expect(silenceMs).toBeLessThanOrEqual(17_000);
  // 45 s without a word end a session: 15 are left for an answer to come.
  expect(unansweredMs).toBeLessThanOrEqual(30_000);
});

test("once the answer that was asked for does not come, a heartbeat asks while there is time for its answer", () => {
  const beats = createBeats();
  beats.next(0, BEAT_MS, "");
  beats.replied(10);
  beats.answered(1_000);
  expect(beats.waivesAnswer(16_000, BEAT_MS)).toBe(true);
  const saved = beats.next(17_000, BEAT_MS, "");
  expect(saved.send).toBe(false);
  // Sent at 31 s, and answered by nobody.
  expect(beats.waivesAnswer(31_000, BEAT_MS)).toBe(false);
  expect(17_000 + saved.afterMs).toBeLessThanOrEqual(33_000);
  expect(beats.next(17_000 + saved.afterMs, BEAT_MS, "").send).toBe(true);
});

test("no answer can be done without on a slow link, after silence, or where heartbeats are minutes apart", () => {
  const slow = createBeats();
  slow.next(0, BEAT_MS, "");
  slow.replied(8_000);
  slow.answered(9_000);
  expect(slow.waivesAnswer(10_000, BEAT_MS)).toBe(false);
  const silent = createBeats();
  silent.next(0, BEAT_MS, "");
  silent.replied(10);
  silent.answered(1_000);
  expect(silent.waivesAnswer(19_000, BEAT_MS)).toBe(false);
  const metered = createBeats();
  metered.next(0, 240_000, "");
  metered.replied(10);
  metered.answered(1_000);
  expect(metered.waivesAnswer(2_000, 240_000)).toBe(false);
});
