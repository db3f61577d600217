import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock } from "../platform/index.ts";
import { createLiveViews } from "./intervals.ts";
import { afterOpening } from "./after-opening.ts";
import { createLane } from "./lane.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { createPace } from "./pace.ts";
import { createPending } from "./pending.ts";
import { nextSessionState, type SessionEvent, type SessionState } from "./session-state.ts";

const start = new Date("2026-11-22T12:00:00Z");

describe("the states of a session", () => {
  it("are walked through in one direction, and end once", () => {
    const order: SessionState[] = ["challenged", "greeting", "open", "ended"];
    const event: fc.Arbitrary<SessionEvent> = fc.constantFrom(
      { type: "hello" as const },
      { type: "welcomed" as const },
      { type: "end" as const, why: "link-lost" as const },
    );
    fc.assert(
      fc.property(fc.array(event), (events) => {
        let state: SessionState = "challenged";
        for (const one of events) {
          const next = nextSessionState(state, one);
          if (next === undefined) continue;
          expect(order.indexOf(next)).toBeGreaterThan(order.indexOf(state));
          state = next;
        }
        const ended = events.some((one) => one.type === "end");
        expect(state === "ended").toBe(ended);
      }),
    );
  });
});

describe("the outbox", () => {
  const take = async (outbox: Outbox<string>): Promise<string[]> => {
    const taken: string[] = [];
    for await (const item of outbox.items((item) => item)) taken.push(item);
    return taken;
  };

  it("takes up to its limits and gives back in order", async () => {
    const outbox = createOutbox<string>({ items: 3, bytes: 10 }, (text) => text.length);
    expect(["aaaa", "bbbb", "cccc", "dd", "e"].map((text) => outbox.push(text))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
    expect(outbox.bytes).toBe(10);
    const taking = take(outbox);
    await Promise.resolve();
    outbox.endWith();
    expect(await taking).toEqual(expect.arrayContaining(["aaaa"]));
  });

  it("ends with the last word, dropping what waited", async () => {
    const outbox = createOutbox<string>({ items: 3, bytes: 100 }, (text) => text.length);
    outbox.push("waiting");
    outbox.endWith("goodbye");
    outbox.endWith("never said");
    expect(outbox.push("late")).toBe(false);
    expect(await take(outbox)).toEqual(["goodbye"]);
  });

  it("gives to a reader who waits, and tells the end of it once, whoever ends it", async () => {
    const said: string[] = [];
    const outbox = createOutbox<string>({ items: 3, bytes: 100 }, (text) => text.length);
    const items = outbox.items(
      (item) => item.toUpperCase(),
      async () => {
        // As a session, whose end is the end of its queue too.
        outbox.endWith("goodbye");
        said.push("end");
        await Promise.resolve();
      },
    );
    const first = items.next();
    outbox.push("a");
    outbox.push("b");
    expect([await first, await items.next()]).toEqual([
      { done: false, value: "A" },
      { done: false, value: "B" },
    ]);
    expect(outbox.bytes).toBe(0);
    const waiting = items.next();
    expect(await items.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: false, value: "GOODBYE" });
    expect(await items.next()).toEqual({ done: true, value: undefined });
    expect(outbox.push("late")).toBe(false);
    expect(said).toEqual(["end"]);
  });

  it("never holds more than its limits, whatever is pushed and taken", () => {
    const act = fc.oneof(fc.nat(6), fc.constant("take" as const));
    return fc.assert(
      fc.asyncProperty(fc.array(act), async (acts) => {
        const outbox = createOutbox<number>({ items: 4, bytes: 12 }, (size) => size);
        const items = outbox.items((item) => item)[Symbol.asyncIterator]();
        const model: number[] = [];
        for (const one of acts) {
          if (one === "take") {
            if (model.length > 0) expect((await items.next()).value).toBe(model.shift());
            continue;
          }
          if (outbox.push(one)) model.push(one);
          expect(outbox.bytes).toBe(model.reduce((sum, size) => sum + size, 0));
          expect(model.length).toBeLessThanOrEqual(4);
          expect(outbox.bytes).toBeLessThanOrEqual(12);
        }
      }),
    );
  });
});

describe("what is opened before its first item", () => {
  it("is closed for a reader who leaves while it opens, and is opened once", async () => {
    let opened = 0;
    const closed = Promise.withResolvers<string>();
    const gate = Promise.withResolvers<void>();
    const items = afterOpening<number>(async () => {
      opened += 1;
      await gate.promise;
      return {
        next: () => Promise.resolve({ done: false, value: 1 }),
        return: () => {
          closed.resolve("closed");
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    })[Symbol.asyncIterator]();
    const first = items.next();
    const leaving = items.return?.();
    gate.resolve();
    expect(await closed.promise).toBe("closed");
    expect(await first).toEqual({ done: false, value: 1 });
    expect(await leaving).toEqual({ done: true, value: undefined });
    expect(opened).toBe(1);
  });

  it("tells its reader why it could not be opened", async () => {
    const items = afterOpening(() => Promise.reject(new Error("no such host")))[Symbol.asyncIterator]();
    await expect(items.next()).rejects.toThrow("no such host");
    expect(await items.return?.()).toEqual({ done: true, value: undefined });
  });
});

describe("a lane", () => {
  it("does one piece after the other, and goes on after one that fails", async () => {
    const done: string[] = [];
    const lane = createLane(3, (error) => done.push(String(error)));
    const piece = (name: string) => async (): Promise<void> => {
      await Promise.resolve();
      done.push(name);
    };
    const taken = [
      lane.add(piece("a")),
      lane.add(async () => {
        await Promise.resolve();
        throw new Error("b");
      }),
      lane.add(piece("c")),
      lane.add(piece("too much")),
    ];
    await lane.idle();
    expect(taken).toEqual([true, true, true, false]);
    expect(done).toEqual(["a", "Error: b", "c"]);
    expect(lane.add(piece("d"))).toBe(true);
    await lane.idle();
  });
});

describe("questions to a host", () => {
  const scene = () => {
    const clock = manualClock(start);
    let count = 0;
    return { clock, pending: createPending({ clock, newRequestId: () => `req_${++count}` }) };
  };
  const sent = { send: () => true, deadlineMs: 1000 };

  it("get their own answers", async () => {
    const { pending } = scene();
    const answers = [pending.ask<string>(sent), pending.ask<string>(sent)];
    expect(pending.settle("req_2", "two")).toBe(true);
    expect(pending.settle("req_1", "one")).toBe(true);
    expect(await Promise.all(answers)).toEqual(["one", "two"]);
    expect(pending.settle("req_1", "late")).toBe(false);
  });

  it("fail at their deadline, with the link, when the asker leaves, and when they cannot be sent", async () => {
    const { clock, pending } = scene();
    const late = pending.ask(sent);
    clock.advance(1000);
    await expect(late).rejects.toThrow("WF_HOST_TIMEOUT");
    const whileSending = pending.ask({
      ...sent,
      send: () => {
        pending.failAll(new Error("the session ended by this"));
        return false;
      },
    });
    await expect(whileSending).rejects.toThrow("the session ended by this");
    const broken = pending.ask(sent);
    pending.failAll(new Error("the link broke"));
    await expect(broken).rejects.toThrow("the link broke");
    const leaving = new AbortController();
    const left = pending.ask({ ...sent, signal: leaving.signal });
    leaving.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    await expect(pending.ask({ ...sent, send: () => false })).rejects.toThrow("WF_HOST_BUSY");
  });

  it("are limited in number", async () => {
    const { pending } = scene();
    const waiting = Array.from({ length: 64 }, () => pending.ask(sent));
    await expect(pending.ask(sent)).rejects.toThrow("WF_HOST_BUSY");
    pending.failAll(new Error("over"));
    expect((await Promise.allSettled(waiting)).every((one) => one.status === "rejected")).toBe(true);
  });
});

describe("live views", () => {
  it("are on while anybody looks", () => {
    const told: string[] = [];
    const live = createLiveViews((hostId, on) => told.push(`${hostId} ${on}`));
    const [first, second] = [live.hold("a"), live.hold("a")];
    first();
    first();
    expect(live.isLive("a")).toBe(true);
    second();
    expect(live.isLive("a")).toBe(false);
    expect(told).toEqual(["a true", "a false"]);
  });
});

describe("the pace of a session", () => {
  it("lets a burst through, then as many frames as the rate says, whenever they come", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 500 }), (gaps) => {
        const pace = createPace(0);
        let nowMs = 0;
        let sent = 0;
        for (const gap of gaps) {
          nowMs += gap;
          for (let count = 0; count < 20; count++) {
            nowMs += pace.pauseMs(nowMs);
            sent += 1;
          }
          expect(sent).toBeLessThanOrEqual(2000 + (nowMs * 200) / 1000 + 1);
        }
      }),
    );
    const pace = createPace(0);
    const pauses = Array.from({ length: 2001 }, () => pace.pauseMs(0));
    expect(pauses.filter((pause) => pause > 0)).toEqual([5]);
  });
});
