import { expect, test } from "vitest";
import { type Clock } from "../platform/clock.ts";
import { formatLines, parseLines } from "./lines-file.ts";
import { permitProblem } from "./permit.ts";
import { createProof } from "./proof.ts";
import { compareVersions } from "./version-order.ts";

test("versions are put in order as semantic versioning says", () => {
  const inOrder = [
    "0.9.9",
    "0.10.0-alpha",
    "0.10.0-alpha.1",
    "0.10.0-alpha.beta",
    "0.10.0-rc.2",
    "0.10.0-rc.10",
    "0.10.0",
    "1.0.0",
  ];
  for (const [i, version] of inOrder.entries())
    for (const [j, other] of inOrder.entries())
      expect(Math.sign(compareVersions(version, other))).toBe(Math.sign(i - j));
  expect(compareVersions("v1.2.3+build.1", "1.2.3")).toBe(0);
});

test("a permit counts for one release and for its time", () => {
  const permit = "windflow permit 1\nolder-release abc\nuntil 2027-01-01T00:00:00Z\n";
  expect(permitProblem(permit, "abc", Date.UTC(2026, 11, 1))).toBe("");
  expect(permitProblem(permit, "abc", Date.UTC(2027, 1, 1))).toBe("it ended at 2027-01-01T00:00:00Z");
  expect(permitProblem(permit, "def", 0)).toBe("it is for another release");
  expect(permitProblem("windflow permit 1\nolder-release abc", "abc", 0)).toBe("");
  expect(permitProblem("windflow permit 2\nolder-release abc", "abc", 0)).toContain("not a permit of a kind");
  expect(permitProblem("windflow permit 1\nolder-release abc\nuntil soon", "abc", 0)).toBe("its end cannot be read");
});

test("a value with lines in it stays one line of the file", () => {
  const lines = { slot: "b", update: "upd_1.2\nslot=a", version: "0.2.0" };
  expect(formatLines(lines)).toBe("slot=b\nupdate=upd_1.2%0Aslot%3Da\nversion=0.2.0\n");
  expect(parseLines(`${formatLines(lines)}no line\n=nothing\n`)).toEqual(lines);
  expect(parseLines("why=100%")).toEqual({ why: "100%" });
});

test("a session proves an agent when it lasts; one that the agent itself renews goes on, one that is cut begins anew", () => {
  let fire: (() => void) | undefined;
  let proven = 0;
  const clock: Clock = {
    now: () => 0,
    after: (_ms, callback) => {
      fire = callback;
      return () => (fire = undefined);
    },
  };
  const proof = createProof({ stableSeconds: 10 }, clock, () => proven++);
  proof.welcomed();
  proof.ended({ renewed: false });
  expect(fire).toBeUndefined();
  proof.welcomed();
  proof.ended({ renewed: true });
  fire?.();
  expect(proven).toBe(0);
  proof.welcomed();
  expect(proven).toBe(1);
  proof.ended({ renewed: true });
  proof.welcomed();
  expect(proven).toBe(1);
});
