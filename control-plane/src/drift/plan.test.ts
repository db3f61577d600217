import fc from "fast-check";
import { expect, test } from "vitest";
import type { Drift, DriftStep } from "./model.ts";
import { planDrift, type DriftFacts, type DriftReport } from "./plan.ts";

const AT = new Date("2026-11-22T14:02:00Z");
const later = (ms: number): Date => new Date(AT.getTime() + ms);
const step: DriftStep = { op: "create-container", target: "container shop-web-1", cause: "it is gone", service: "web" };
const report = (more: Partial<DriftReport> = {}): DriftReport => ({
  revision: 3,
  steps: [step],
  problem: "",
  corrected: "",
  at: AT,
  ...more,
});
const drift = (more: Partial<Drift> = {}): Drift => ({
  id: "drf_1",
  organizationId: "org_1",
  stackId: "stk_1",
  hostId: "hst_1",
  revision: 3,
  state: "open",
  steps: [step],
  problem: "",
  asked: "",
  askedBy: "",
  foundAt: AT,
  endedBy: "",
  ...more,
});
const other: DriftStep = { ...step, target: "container shop-db-1" };

test.each<[string, DriftFacts, ReturnType<typeof planDrift>]>([
  ["nothing differs", { report: report({ steps: [] }), policy: "report" }, undefined],
  [
    "found, to be told",
    { report: report(), policy: "report" },
    { op: "open", state: "open", foundAt: AT, problem: "" },
  ],
  [
    "found, put right by policy",
    { report: report({ since: later(-5_000) }), policy: "correct" },
    { op: "open", state: "correcting", foundAt: later(-5_000), problem: "" },
  ],
  [
    "a host that dates it after its own look",
    { report: report({ since: later(9_000) }), policy: "report" },
    { op: "open", state: "open", foundAt: AT, problem: "" },
  ],
  ["told again", { open: drift(), report: report(), policy: "report" }, undefined],
  [
    "told again in other words",
    { open: drift(), report: report({ steps: [{ ...step, cause: "for 9 s" }] }), policy: "report" },
    undefined,
  ],
  [
    "it differs otherwise",
    { open: drift(), report: report({ steps: [step, other] }), policy: "report" },
    { op: "update", state: "open", problem: "" },
  ],
  [
    "the policy became correct",
    { open: drift(), report: report(), policy: "correct" },
    { op: "update", state: "correcting", problem: "" },
  ],
  [
    "went away by itself",
    { open: drift(), report: report({ steps: [] }), policy: "report" },
    { op: "end", state: "gone" },
  ],
  ["the stack left the host", { open: drift(), policy: "report" }, { op: "end", state: "gone" }],
  [
    "asked for and done",
    {
      open: drift({ state: "correcting", asked: "a" }),
      report: report({ steps: [], corrected: "a" }),
      policy: "report",
    },
    { op: "end", state: "corrected" },
  ],
  [
    "asked for, but it went before the host acted",
    { open: drift({ state: "correcting", asked: "a" }), report: report({ steps: [] }), policy: "report" },
    { op: "end", state: "gone" },
  ],
  [
    "asked for, and another revision came",
    {
      open: drift({ state: "correcting", asked: "a" }),
      report: report({ steps: [], corrected: "a", revision: 4 }),
      policy: "report",
    },
    { op: "end", state: "gone" },
  ],
  [
    "asked for in vain",
    {
      open: drift({ state: "correcting", asked: "a" }),
      report: report({ corrected: "a", problem: "port taken" }),
      policy: "report",
    },
    { op: "update", state: "open", problem: "port taken" },
  ],
  [
    "accepted, and as it was",
    { last: drift({ state: "accepted", endedAt: AT }), report: report({ at: later(9) }), policy: "report" },
    undefined,
  ],
  [
    "accepted, and something else differs",
    {
      last: drift({ state: "accepted", endedAt: AT }),
      report: report({ at: later(9), steps: [other] }),
      policy: "report",
    },
    { op: "open", state: "open", foundAt: later(9), problem: "" },
  ],
  [
    "a look from before its end",
    { last: drift({ state: "corrected", endedAt: AT }), report: report(), policy: "report" },
    undefined,
  ],
])("%s", (_what, facts, change) => {
  expect(planDrift(facts)).toEqual(change);
});

test("whatever is reported: one is open at a time, it ends only when nothing differs, and the same report twice changes nothing", () => {
  const reports = fc.array(
    fc.record({
      steps: fc.subarray([step, other]),
      problem: fc.constantFrom("", "port taken"),
      corrected: fc.constantFrom("", "a"),
      revision: fc.constantFrom(3, 4),
    }),
  );
  fc.assert(
    fc.property(reports, fc.constantFrom("correct" as const, "report" as const), fc.boolean(), (list, policy, asks) => {
      let open: Drift | undefined;
      let last: Drift | undefined;
      list.forEach((one, i) => {
        const heard = report({ ...one, at: later(i * 1000) });
        for (const round of [1, 2]) {
          const change = planDrift({ ...(open && { open }), ...(last && { last }), report: heard, policy });
          if (round === 2) expect(change).toBeUndefined();
          if (change === undefined) continue;
          if (change.op === "end") {
            expect(heard.steps).toEqual([]);
            last = { ...(open ?? drift()), state: change.state, endedAt: heard.at };
            open = undefined;
          } else {
            expect(heard.steps).not.toEqual([]);
            const asked = asks && change.op === "open" ? "a" : (open?.asked ?? "");
            open = drift({ ...open, ...heard, state: asked === "" ? change.state : "correcting", asked });
          }
          if (round === 1 && change.op !== "end" && open !== undefined) {
            // What was asked for just now is judged by the next report.
            const settled = planDrift({ open, report: heard, policy });
            if (settled?.op === "update") open = { ...open, state: settled.state, problem: settled.problem };
          }
        }
      });
    }),
  );
});
