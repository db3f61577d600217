import { resourceChanged, type ResourceChange } from "../events/index.ts";
import { hostApproved, hostChanged, hostPresenceChanged, hostRevoked, listHostSummaries } from "../hosts/index.ts";
import type { StackNeeds } from "../placement/index.ts";
import {
  commonErrors,
  field,
  isProblem,
  type Database,
  type EventBus,
  type EventType,
  type Log,
} from "../platform/index.ts";
import { listPlaceableStacks, stackPlacementChanged } from "../stacks/index.ts";
import type { AdvanceParts } from "./advance.ts";
import { keepPlaced, looksMisplaced } from "./keep-placed.ts";
import { addWork, isIdle, noWork, stacksToLookAt, type KeeperWork, type LookedAt } from "./keep-placed-work.ts";
import { readOpenOfStacks, readOrganizations, readShorts } from "./store-kept.ts";

/** Keeps every stack that was rolled out where it belongs, while hosts come, go and change. */
export interface PlacementKeeper {
  start(): Promise<void>;
  stop(): Promise<void>;
}

// A batch of events, such as hosts that all come back, is one look.
const DEBOUNCE_MS = 200;
// Rollouts and reports say something all the time; what follows from them can wait so long.
const SLOW_DEBOUNCE_MS = 2_000;
// Of the time that looking takes, so many times is left to others: a fifth of one core at most.
const REST = 4;
const LONGEST_REST_MS = 30_000;
// Everything is told by events and timers; this finds what a lost one left behind.
const NET_MS = 300_000;
// A database that is away is asked again after this long.
const RETRY_MS = 2_000;

interface Parts extends AdvanceParts {
  readonly database: Database;
  readonly bus: EventBus;
  readonly log: Log;
  /** A host's report was stored: higher domains own that event. */
  readonly hostObserved: EventType<{ organizationId: string; hostId: string }>;
}

interface Tenant {
  work: KeeperWork;
  timer?: NodeJS.Timeout;
  /** For what time alone may change. */
  wake?: NodeJS.Timeout;
  /** When that timer ends, milliseconds since 1970. */
  wakeAt: number;
  /** When the timer ends, on the monotonic clock. */
  timerAt: number;
  running: boolean;
  /** Not before, on the monotonic clock. */
  restUntil: number;
  /** Stacks that lacked something when they were last looked at. */
  short: ReadonlySet<string>;
}

/**
 * Single flight per organization: any event only says what to look at again. Looking takes no lock; what seems misplaced is looked at
 * again under the stack's lock and put right there, so that several replicas may do so at once.
 */
export function createPlacementKeeper(parts: Parts): PlacementKeeper {
  const { database, bus, clock, log } = parts;
  const tenants = new Map<string, Tenant>();
  const stops: (() => void)[] = [];
  const flights = new Set<Promise<void>>();
  let net: NodeJS.Timeout | undefined;
  let stopped = false;

  function tenantOf(organizationId: string): Tenant {
    const known = tenants.get(organizationId);
    if (known !== undefined) return known;
    const tenant: Tenant = {
      work: noWork(),
      timerAt: Infinity,
      wakeAt: Infinity,
      running: false,
      restUntil: 0,
      short: new Set(),
    };
    tenants.set(organizationId, tenant);
    return tenant;
  }

  function ask(organizationId: string, more: Partial<KeeperWork>, inMs = DEBOUNCE_MS): void {
    if (stopped) return;
    const tenant = tenantOf(organizationId);
    tenant.work = addWork(tenant.work, more);
    arm(organizationId, tenant, inMs);
  }

  function arm(organizationId: string, tenant: Tenant, inMs: number): void {
    const now = clock.monotonicMs();
    const at = Math.max(now + inMs, tenant.restUntil);
    if (tenant.running || tenant.timerAt <= at) return;
    clearTimeout(tenant.timer);
    tenant.timerAt = at;
    tenant.timer = setTimeout(() => {
      tenant.timerAt = Infinity;
      const flight = run(organizationId, tenant).finally(() => flights.delete(flight));
      flights.add(flight);
    }, at - now);
  }

  async function run(organizationId: string, tenant: Tenant): Promise<void> {
    const { work } = tenant;
    tenant.work = noWork();
    tenant.running = true;
    const begun = clock.monotonicMs();
    let againInMs: number | undefined;
    try {
      const { misplaced, wakeAt, short } = await look(organizationId, work);
      tenant.short = short;
      if (wakeAt !== undefined) wakeLater(organizationId, tenant, wakeAt);
      for (const stackId of misplaced)
        if (!(await keep(organizationId, stackId, work.again.has(stackId)))) againInMs = RETRY_MS;
    } catch (error) {
      log.warn({ err: error, [field.area]: "placement" }, "Placement could not be looked at; it is tried again.");
      tenant.work = addWork(tenant.work, work);
      againInMs = RETRY_MS;
    }
    const now = clock.monotonicMs();
    tenant.restUntil = now + Math.min(LONGEST_REST_MS, REST * (now - begun));
    tenant.running = false;
    if (!stopped && !isIdle(tenant.work)) arm(organizationId, tenant, againInMs ?? DEBOUNCE_MS);
  }

  function look(organizationId: string, work: KeeperWork): Promise<LookedAt> {
    return database.inOrganization(
      organizationId,
      async (tx) => {
        const now = clock.now();
        const stacks = await listPlaceableStacks(tx);
        const ids = stacks.map(({ id }) => id);
        const opens = await readOpenOfStacks(tx, ids);
        const shorts = await readShorts(tx, ids);
        const tasks = stacksToLookAt(stacks, work, new Set(shorts.keys()));
        const summaries = tasks.length === 0 ? [] : await listHostSummaries(tx);
        const needsKnown = new Map<string, StackNeeds>();
        const misplaced: string[] = [];
        let wakeAt: number | undefined;
        for (const { stack, hostIds } of tasks) {
          const short = shorts.get(stack.id) ?? "";
          const some = hostIds === undefined ? summaries : summaries.filter(({ hostId }) => hostIds.has(hostId));
          const again = work.again.has(stack.id);
          const isPart = hostIds !== undefined;
          const asked = { stack, open: opens.get(stack.id), short, now, again, summaries: some, isPart, needsKnown };
          const answer = await looksMisplaced(tx, parts.sight, asked);
          if (answer.misplaced) misplaced.push(stack.id);
          if (answer.wakeAt !== undefined) wakeAt = Math.min(wakeAt ?? Infinity, answer.wakeAt);
        }
        return { misplaced, short: new Set(shorts.keys()), ...(wakeAt === undefined ? {} : { wakeAt }) };
      },
      { readOnly: true },
    );
  }

  /** False when it has to be tried again. */
  async function keep(organizationId: string, stackId: string, again: boolean): Promise<boolean> {
    if (stopped) return true;
    try {
      const kept = await database.inOrganization(organizationId, (tx) => keepPlaced(tx, parts, { stackId, again }));
      if (kept.rolloutId === undefined) return true;
      log.info({ [field.stackId]: stackId, [field.rolloutId]: kept.rolloutId }, "A stack follows its placement.");
      return true;
    } catch (error) {
      // It was deleted meanwhile.
      if (isProblem(error, commonErrors.WF_NOT_FOUND)) return true;
      log.warn({ err: error, [field.stackId]: stackId }, "A stack could not follow its placement; it is tried again.");
      ask(organizationId, { stackIds: new Set([stackId]), ...(again ? { again: new Set([stackId]) } : {}) }, RETRY_MS);
      return false;
    }
  }

  /**
   * When a host that is away may count as gone. A timer that is lost with its process is set again by the look at its start. A look at
   * some stacks says nothing of the others: the earliest of all stays.
   */
  function wakeLater(organizationId: string, tenant: Tenant, at: number): void {
    if (stopped || at >= tenant.wakeAt) return;
    clearTimeout(tenant.wake);
    tenant.wakeAt = at;
    const ms = Math.min(NET_MS, Math.max(DEBOUNCE_MS, at - clock.now().getTime()));
    tenant.wake = setTimeout(() => {
      tenant.wakeAt = Infinity;
      ask(organizationId, { picky: true });
    }, ms);
  }

  function onResource({ organizationId, kind, parentId, change }: ResourceChange): void {
    if (kind !== "rollout" || parentId === undefined || change === "deleted") return;
    ask(organizationId, { stackIds: new Set([parentId]) }, SLOW_DEBOUNCE_MS);
  }

  function onObserved({ organizationId }: { organizationId: string }): void {
    // What a stack lacks may be room that a report shows, or a copy that is off its host at last.
    const short = tenants.get(organizationId)?.short;
    if (short !== undefined && short.size > 0) ask(organizationId, { stackIds: short }, SLOW_DEBOUNCE_MS);
  }

  async function lookAtAll(): Promise<void> {
    try {
      const organizations = await database.asSystem(readOrganizations, { readOnly: true });
      for (const organizationId of organizations) ask(organizationId, { everything: true });
    } catch (error) {
      log.warn({ err: error, [field.area]: "placement" }, "Placement could not be looked at; it is tried again.");
    }
  }

  function castNet(): void {
    net = setTimeout(() => {
      const flight = lookAtAll().finally(() => flights.delete(flight));
      flights.add(flight);
      if (!stopped) castNet();
    }, NET_MS);
  }

  return {
    start: async () => {
      for (const type of [hostChanged, hostApproved, hostRevoked])
        stops.push(bus.on(type, ({ organizationId, hostId }) => ask(organizationId, { hostIds: new Set([hostId]) })));
      stops.push(bus.on(hostPresenceChanged, ({ organizationId }) => ask(organizationId, { picky: true })));
      stops.push(
        bus.on(stackPlacementChanged, ({ organizationId, stackId }) =>
          ask(organizationId, { stackIds: new Set([stackId]), again: new Set([stackId]) }),
        ),
      );
      stops.push(bus.on(resourceChanged, onResource));
      stops.push(bus.on(parts.hostObserved, onObserved));
      stops.push(bus.onGap(() => [...tenants.keys()].forEach((id) => ask(id, { everything: true }))));
      await lookAtAll();
      castNet();
    },
    stop: async () => {
      stopped = true;
      for (const stop of stops) stop();
      clearTimeout(net);
      for (const { timer, wake } of tenants.values()) {
        clearTimeout(timer);
        clearTimeout(wake);
      }
      await Promise.allSettled(flights);
    },
  };
}
