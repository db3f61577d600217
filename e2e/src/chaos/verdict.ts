import { type ChaosRecord, type HostTruth, type PresenceSample, type Span, touches } from "./record.ts";

// A host is offline 90 s after it was last heard of; the look that says so comes up to 5 s later.
const LEASE_MS = 90_000;
// Online turns to stale after 45 s.
const STALE_MS = 45_000;
const LOOK_MS = 5_000;
// Backoff of up to 15 s after a failure, once more when the control plane was away in between, and time for a loaded machine.
const RETURN_MS = 45_000;
// An engine's events are read and on disk within this; a kill sooner may take them.
const SETTLE_MS = 5_000;
// Samples are taken each 5 s and go to the disk each 15 s: what is younger goes with the process.
const UNSHIPPED_MS = 20_000;
const FIRST_SAMPLE_MS = 12_000;
const LONGEST_GAP_MS = 16_000;

/** What the control plane showed at the end. */
export interface Shown {
  /** Rollout → its state. */
  readonly rollouts: ReadonlyMap<string, string>;
  readonly revisions: readonly number[];
  /** Container → how often its end was told, by host. */
  readonly deaths: ReadonlyMap<string, number>;
  /** Host → times of its samples, milliseconds since 1970, rising. */
  readonly samples: ReadonlyMap<string, readonly number[]>;
}

/** What is wrong; empty when everything that was promised was kept. One sentence each. */
export function judge(record: ChaosRecord, shown: Shown, until: number): string[] {
  return [
    ...judgeAcknowledged(record, shown),
    ...judgeMarkers(record, shown, until),
    ...record.hosts.flatMap((host) => [
      ...judgePresence(host, record),
      ...judgeSamples(host, shown.samples.get(host.hostId) ?? [], until),
    ]),
  ];
}

const ENDED = new Set(["STATE_SUCCEEDED", "STATE_FAILED", "STATE_CANCELLED", "STATE_SUPERSEDED", "STATE_ROLLED_BACK"]);

function judgeAcknowledged({ acknowledged }: ChaosRecord, shown: Shown): string[] {
  const lost = acknowledged.revisions.filter((number) => !shown.revisions.includes(number));
  return [
    ...lost.map((number) => `revision ${number} was acknowledged and is not there`),
    ...acknowledged.rolloutIds.flatMap((id) => {
      const state = shown.rollouts.get(id);
      if (state === undefined) return [`rollout ${id} was acknowledged and is not there`];
      return ENDED.has(state) ? [] : [`rollout ${id} has no end: it is ${state}`];
    }),
  ];
}

/** The ones of which the agent must have heard: it and the engine were well around it. */
export function countedMarkers(record: ChaosRecord, until: number): ChaosRecord["markers"] {
  return record.markers.filter(({ host, at }) => {
    const truth = record.hosts[host];
    if (truth === undefined || at + SETTLE_MS > until) return false;
    return ![truth.agentDown, truth.engineDown].some((spans) => touches(spans, at - SETTLE_MS, at + SETTLE_MS));
  });
}

function judgeMarkers(record: ChaosRecord, shown: Shown, until: number): string[] {
  const twice = record.markers.filter(({ containerId }) => (shown.deaths.get(containerId) ?? 0) > 1);
  const never = countedMarkers(record, until).filter(({ containerId }) => !shown.deaths.has(containerId));
  const name = (host: number): string => record.hosts[host]?.name ?? "?";
  return [
    ...twice.map(({ host, containerId }) => `the end of ${containerId.slice(0, 12)} on ${name(host)} was told twice`),
    ...never.map(({ host, containerId, at }) => {
      return `the end of ${containerId.slice(0, 12)} on ${name(host)} at ${new Date(at).toISOString()} was never told`;
    }),
  ];
}

function judgePresence(host: HostTruth, record: ChaosRecord): string[] {
  const samples = record.presences.filter(({ hostId }) => hostId === host.hostId);
  const away = [...host.unreachable, ...record.serverDown];
  const faults = samples.flatMap(({ at, presence }) => {
    const when = new Date(at).toISOString();
    const well = !touches(away, at - RETURN_MS, at);
    if (presence === "PRESENCE_OFFLINE" && well)
      return [`${host.name} was called offline at ${when} although it was there`];
    const goneFor = goneSince(host.unreachable, at);
    if (presence === "PRESENCE_ONLINE" && goneFor > STALE_MS + LOOK_MS && !serverWasAway(record.serverDown, at))
      return [`${host.name} was called online at ${when}, ${Math.round(goneFor / 1000)} s after it was gone`];
    if (presence === "PRESENCE_STALE" && goneFor > LEASE_MS + LOOK_MS && !serverWasAway(record.serverDown, at))
      return [`${host.name} was not called offline at ${when}, ${Math.round(goneFor / 1000)} s after it was gone`];
    return [];
  });
  // One sentence tells it; the next hundred samples say the same.
  return faults.slice(0, 3);
}

/** How long the span had lasted that covers the time, milliseconds; 0 when none does. */
function goneSince(spans: readonly Span[], at: number): number {
  const span = spans.find(({ from, to }) => from <= at && to >= at);
  return span === undefined ? 0 : at - span.from;
}

// A control plane that was away itself gives every host a new lease.
function serverWasAway(spans: readonly Span[], at: number): boolean {
  return touches(spans, at - LEASE_MS - LOOK_MS, at);
}

/** The longest time from the end of a disturbance to the first sample that says online, milliseconds. */
export function longestReturnMs(host: HostTruth, record: ChaosRecord): number {
  const samples = record.presences.filter(({ hostId }) => hostId === host.hostId);
  const away = [...host.unreachable, ...record.serverDown];
  return Math.max(0, ...away.map((span) => returnMs(span, away, samples)));
}

function returnMs(span: Span, away: readonly Span[], samples: readonly PresenceSample[]): number {
  const back = samples.find(({ at, presence }) => at > span.to && presence === "PRESENCE_ONLINE");
  if (back === undefined || away.some((other) => other.from > span.to && other.from < back.at)) return 0;
  return back.at - span.to;
}

/** While an agent runs, its figures have no hole, whatever the link did. */
function judgeSamples(host: HostTruth, samples: readonly number[], until: number): string[] {
  const repeated = samples.filter((at, index) => index > 0 && at <= (samples[index - 1] ?? 0));
  const spans = [...host.agentDown, ...host.skewed].toSorted((a, b) => a.from - b.from);
  const first = samples[0] ?? until;
  const holes: string[] = [];
  let from = first;
  for (const span of [...spans, { from: until, to: until }]) {
    const to = span.from - UNSHIPPED_MS;
    const inside = samples.filter((at) => at >= from && at <= to);
    const marks = [Math.min(from + FIRST_SAMPLE_MS, to), ...inside.filter((at) => at >= from + FIRST_SAMPLE_MS), to];
    for (const [index, at] of marks.entries()) {
      const before = marks[index - 1];
      if (before !== undefined && at - before > LONGEST_GAP_MS)
        holes.push(
          `${host.name} has no figures from ${new Date(before).toISOString()} to ${new Date(at).toISOString()}`,
        );
    }
    from = Math.max(from, span.to);
  }
  return [
    ...repeated.slice(0, 3).map((at) => `${host.name} has the sample of ${new Date(at).toISOString()} twice`),
    ...holes,
  ];
}
