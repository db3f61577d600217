import fc from "fast-check";
import { expect, test } from "vitest";
import { OFFLINE_AFTER_MS, STALE_AFTER_MS, hostPresence, type LeaseFacts } from "./host-presence.ts";

const SEEN = 1_000_000;

function facts(extra: Partial<LeaseFacts>): LeaseFacts {
  return { enrolledAt: 0, lastSeenAt: SEEN, sessionOpen: true, now: SEEN, ...extra };
}

test.each<[string, Partial<LeaseFacts>, string, number]>([
  ["just heard of", {}, "online", SEEN],
  ["one heartbeat lost", { now: SEEN + 31_000 }, "online", SEEN],
  ["silent for 46 s", { now: SEEN + 46_000 }, "stale", SEEN + STALE_AFTER_MS],
  ["silent for 91 s", { now: SEEN + 91_000 }, "offline", SEEN + OFFLINE_AFTER_MS],
  ["session closed a moment ago", { sessionOpen: false, now: SEEN + 1_000 }, "online", SEEN],
  [
    "back to be heard 44 s ago, after two minutes without a control plane",
    { sessionOpen: false, unheardUntil: SEEN + 120_000, now: SEEN + 164_000 },
    "online",
    SEEN,
  ],
  [
    "back to be heard 46 s ago",
    { sessionOpen: false, unheardUntil: SEEN + 120_000, now: SEEN + 166_000 },
    "stale",
    SEEN + 165_000,
  ],
  ["metered and silent for 91 s", { now: SEEN + 91_000, patience: 16 }, "online", SEEN],
  ["metered and silent for 12 minutes", { now: SEEN + 720_001, patience: 16 }, "stale", SEEN + 720_000],
  [
    "metered, and its session ended 40 s ago",
    { now: SEEN + 240_000, patience: 16, sessionOpen: false, sessionClosedAt: SEEN + 200_000 },
    "online",
    SEEN,
  ],
  [
    "metered, and its session ended 46 s ago",
    { now: SEEN + 246_000, patience: 16, sessionOpen: false, sessionClosedAt: SEEN + 200_000 },
    "stale",
    SEEN + 245_000,
  ],
  ["quarantined", { quarantinedAt: SEEN + 5 }, "quarantined", SEEN + 5],
  ["revoked while quarantined", { quarantinedAt: SEEN, revokedAt: SEEN + 9 }, "revoked", SEEN + 9],
])("%s", (_what, extra, state, since) => {
  expect(hostPresence(facts(extra))).toMatchObject({ state, since });
});

test("a host whose agent never connected is not offline", () => {
  expect(hostPresence({ enrolledAt: 7, sessionOpen: false, now: SEEN })).toMatchObject({
    state: "never-seen",
    since: 7,
  });
});

test("silence only ever leads from online over stale to offline, and a word from the host leads back", () => {
  const order = ["online", "stale", "offline"];
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 200_000 }), { minLength: 2 }), fc.boolean(), (silences, sessionOpen) => {
      const states = silences
        .toSorted((a, b) => a - b)
        .map((silence) => order.indexOf(hostPresence(facts({ now: SEEN + silence, sessionOpen })).state));
      expect(states).toEqual(states.toSorted((a, b) => a - b));
      expect(hostPresence(facts({ now: SEEN, sessionOpen })).state).toBe("online");
    }),
  );
});
