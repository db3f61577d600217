import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ResourceChange } from "./model.ts";
import { createRecentChanges } from "./recent.ts";

const change = (id: string): ResourceChange => ({
  organizationId: "org_1",
  kind: "host",
  id,
  change: "updated",
  at: "2026-11-22T12:00:00.000Z",
});

describe("recent changes", () => {
  it("gives what came after an id", () => {
    const recent = createRecentChanges("rep_1", 10);
    const first = recent.add(change("a"));
    recent.add(change("b"));
    expect(recent.since(recent.resumeId(first.number))?.map((one) => one.change.id)).toEqual(["b"]);
    expect(recent.since(recent.resumeId(recent.latest()))).toEqual([]);
  });

  it("knows no id of another process, of the future, or that is none", () => {
    const recent = createRecentChanges("rep_1", 10);
    recent.add(change("a"));
    for (const id of ["rep_2.1", "rep_1.2", "rep_1.", "rep_1.-1", "rep_1.x", "", "1"])
      expect(recent.since(id)).toBeUndefined();
  });

  it("resumes nothing across a gap", () => {
    const recent = createRecentChanges("rep_1", 10);
    const before = recent.resumeId(recent.add(change("a")).number);
    recent.forget();
    expect(recent.since(before)).toBeUndefined();
    const after = recent.resumeId(recent.latest());
    recent.add(change("b"));
    expect(recent.since(after)?.map((one) => one.change.id)).toEqual(["b"]);
  });

  it("never leaves one out: it gives all after the id, or says that it cannot", () => {
    const act = fc.oneof(
      { weight: 20, arbitrary: fc.constant("add" as const) },
      { weight: 1, arbitrary: fc.constant("forget" as const) },
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 200 }), fc.nat(200), (acts, at) => {
        const recent = createRecentChanges("rep_1", 5);
        let id: string | undefined;
        let gap = false;
        let after: string[] = [];
        acts.forEach((one, index) => {
          if (one === "forget") {
            recent.forget();
            gap = true;
          } else {
            recent.add(change(String(index)));
            after.push(String(index));
          }
          if (index === at) {
            id = recent.resumeId(recent.latest());
            gap = false;
            after = [];
          }
        });
        if (id === undefined) return;
        const resumed = recent.since(id)?.map((one) => one.change.id);
        const mayRefuse = gap || after.length >= 5;
        expect(resumed ?? (mayRefuse ? after : "refused without a reason")).toEqual(after);
      }),
    );
  });
});
