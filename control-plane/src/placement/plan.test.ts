import { expect, test } from "vitest";
import { emptyPlacement, type Placement, type PlacementHost } from "./model.ts";
import { placeStack, usesFacts } from "./plan.ts";

const host = (name: string, more: Partial<PlacementHost> = {}): PlacementHost => ({
  hostId: `hst_${name}`,
  name,
  environmentId: "env_prod",
  labels: {},
  facts: {},
  revoked: false,
  awaitingApproval: false,
  ...more,
});
const fleet = [
  host("paris-2", { labels: { site: "paris", tier: "edge" }, facts: { "fact/arch": "arm64" } }),
  host("paris-1", { labels: { site: "paris" }, facts: { "fact/arch": "x64" } }),
  host("lyon-1", { labels: { site: "lyon" }, environmentId: "env_dev", facts: { "fact/arch": "arm64" } }),
  host("gone", { labels: { site: "paris" }, revoked: true }),
  host("new", { labels: { site: "paris" }, awaitingApproval: true }),
];
const names = (placement: Partial<Placement>, hasSecrets = false): string =>
  placeStack({ ...emptyPlacement, ...placement }, fleet, { hasSecrets })
    .map((placed) => placed.name)
    .join(" ");

test("an empty placement is no host", () => {
  expect(names({})).toBe("");
  expect(names({ environmentId: "env_prod" })).toBe("");
});

test("every label must match, and hosts that are revoked or wait for approval never do", () => {
  expect(names({ matchLabels: { site: "paris" } })).toBe("paris-1 paris-2");
  expect(names({ matchLabels: { site: "paris", tier: "edge" } })).toBe("paris-2");
  expect(names({ matchLabels: { constructor: "" } })).toBe("");
});

test("all hosts and named hosts stay inside the environment", () => {
  expect(names({ allHosts: true })).toBe("lyon-1 paris-1 paris-2");
  expect(names({ allHosts: true, environmentId: "env_dev" })).toBe("lyon-1");
  expect(names({ hostIds: ["hst_lyon-1", "hst_gone", "hst_new"] })).toBe("lyon-1");
  expect(names({ hostIds: ["hst_lyon-1"], environmentId: "env_prod" })).toBe("");
});

test("a fact selects a stack without secrets only", () => {
  expect(names({ matchLabels: { "fact/arch": "arm64" } })).toBe("lyon-1 paris-2");
  expect(names({ matchLabels: { "fact/arch": "arm64" } }, true)).toBe("");
  expect(names({ allHosts: true }, true)).toBe("lyon-1 paris-1 paris-2");
  expect(usesFacts({ ...emptyPlacement, matchLabels: { "fact/arch": "arm64" } })).toBe(true);
});
