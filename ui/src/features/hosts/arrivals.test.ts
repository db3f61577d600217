import type { Host } from "@windflow/proto/client";
import { expect, test } from "vitest";
import { installLine, variantFaults } from "./install-variants.ts";
import { machineRows, oldestMachine } from "./machines.ts";
import { approvalsFor, askedLabels } from "./requested-labels.ts";

const host = (id: string, requestedLabels: Record<string, string>): Host => ({ id, requestedLabels });
const HOSTS = [
  host("a", { site: "metz", line: "l2" }),
  host("b", { site: "metz", line: "l3" }),
  host("c", { site: "metz" }),
  host("d", {}),
];

test("what hosts ask for is told once, the most wanted first", () => {
  expect(askedLabels(HOSTS)).toEqual([
    { key: "site", value: "metz", hosts: 3 },
    { key: "line", value: "l2", hosts: 1 },
    { key: "line", value: "l3", hosts: 1 },
  ]);
});
test("hosts are let in by the fewest calls, each with what was taken of its own labels", () => {
  const more = { ring: "early" };
  expect(approvalsFor(HOSTS, new Set(["site=metz", "line=l2", "line=l3"]), more)).toEqual([
    { hostIds: ["a", "b", "c"], labels: more, acceptRequestedLabels: true },
    { hostIds: ["d"], labels: more, acceptRequestedLabels: false },
  ]);
  expect(approvalsFor(HOSTS, new Set(["site=metz"]), more)).toEqual([
    { hostIds: ["a", "b"], labels: { site: "metz", ...more }, acceptRequestedLabels: false },
    { hostIds: ["c"], labels: more, acceptRequestedLabels: true },
    { hostIds: ["d"], labels: more, acceptRequestedLabels: false },
  ]);
  expect(approvalsFor(HOSTS, new Set(), {})).toEqual([
    { hostIds: ["a", "b", "c", "d"], labels: {}, acceptRequestedLabels: false },
  ]);
});
test("no call is about more hosts than the API takes", () => {
  const many = Array.from({ length: 1_201 }, (_, index) => host(`h${index}`, {}));
  expect(approvalsFor(many, new Set(), {}).map(({ hostIds }) => hostIds?.length)).toEqual([500, 500, 201]);
});
test("a line becomes one for the machine that it is for", () => {
  const lines = {
    install: `sh "$d/install.sh" --server 'https://wind:8443'`,
    wget: `wget … && sh "$d/install.sh"`,
    enroll: "printf %s 'wfj_1' | windflow-agent enroll --server https://wind:8443",
  };
  const plain = { proxy: "", labels: "", ownUser: false };
  const special = { proxy: "http://proxy:3128", labels: "site=metz,line=l2", ownUser: true };
  expect(installLine("install", lines, plain, "0.2.0")).toBe(lines.install);
  expect(installLine("install", lines, special, "0.2.0")).toBe(
    `export HTTPS_PROXY='http://proxy:3128' && ${lines.install} --labels 'site=metz,line=l2' --user windflow`,
  );
  expect(installLine("enroll", lines, special, "0.2.0")).not.toContain("--user");
  const container = installLine("container", lines, special, "0.2.0");
  expect(container).toMatch(/^printf %s 'wfj_1' \| docker run -i --rm .* windflow\/agent:0\.2\.0 enroll --server/);
  expect(container).toMatch(/--labels 'site=metz,line=l2' && docker run -d .* windflow\/agent:0\.2\.0 run$/);
});
test("nothing that a shell would read otherwise gets into a line", () => {
  const bad = { proxy: "http://x'; rm -rf /", labels: "a=$(id)", ownUser: false };
  expect(variantFaults(bad)).toEqual(["proxy", "labels"]);
  expect(installLine("install", { install: "sh x", wget: "", enroll: "" }, bad, "1")).toBe("sh x");
  expect(variantFaults({ proxy: "http://user:pw@proxy:3128", labels: "a.b/c=", ownUser: true })).toEqual([]);
});
test("machines are set side by side, with what tells them apart", () => {
  const machines = [
    { bootId: "two", hostname: "edge", firstSeenAt: "2026-11-02T00:00:00Z", sessions: 2 },
    { bootId: "one", hostname: "edge", firstSeenAt: "2026-11-01T00:00:00Z", sessions: 9 },
  ];
  const rows = machineRows(machines, { ago: (at) => at ?? "", number: (value) => String(value ?? 0) });
  expect(rows.filter((row) => row.differs).map((row) => row.key)).toEqual(["bootId"]);
  expect(rows.find((row) => row.key === "sessions")?.values).toEqual(["2", "9"]);
  expect(oldestMachine(machines)).toBe(1);
});
