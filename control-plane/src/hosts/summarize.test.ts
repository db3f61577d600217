import { expect, test } from "vitest";
import { foldGroups, type StandingRow } from "./summarize.ts";

const NOW = new Date("2026-11-22T15:00:00Z");
const row = (value: string, hosts: number, more: Partial<StandingRow> = {}): StandingRow => ({
  value,
  hosts,
  presence: "online",
  health: "ok",
  drifted: 0,
  last_seen_at: NOW,
  ...more,
});

test("groups say how their hosts stand, without taking one that is away for failed, and the total is their sum", () => {
  const away = new Date("2026-11-22T14:02:00Z");
  const { groups, total, groupsLeftOut } = foldGroups(
    [
      row("", 1, { presence: "never-seen", health: null, last_seen_at: null }),
      row("paris", 47, { drifted: 3 }),
      row("paris", 1, { health: "failed" }),
      row("paris", 2, { presence: "offline", health: "failed", last_seen_at: away }),
      row("lyon", 4, { presence: "stale", health: null }),
    ],
    NOW,
  );
  expect(groups.map((group) => [group.value, group.hosts, group.summary])).toEqual([
    ["lyon", 4, "4 unknown"],
    ["paris", 50, "47 ok, 1 failed, 2 not reached since 14:02 UTC"],
    ["", 1, "1 not reached"],
  ]);
  expect(groups[1]).toMatchObject({ drifted: 3, health: { ok: 47, failed: 1, unknown: 2 }, notReachedSince: away });
  expect(total).toMatchObject({ hosts: 55, health: { ok: 47, failed: 1, unknown: 7 } });
  expect(groupsLeftOut).toBe(0);
});

test("of too many groups the largest are shown, by value", () => {
  const rows = Array.from({ length: 600 }, (_, i) => row(`v${String(i).padStart(3, "0")}`, i + 1));
  const { groups, groupsLeftOut } = foldGroups(rows, NOW);
  expect(groups).toHaveLength(500);
  expect(groups[0]?.value).toBe("v100");
  expect(groupsLeftOut).toBe(100);
});
