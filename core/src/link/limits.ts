import { type ZoneClock, momentOn, occurrences } from "../zone/index.ts";

/** What a connection carries: see windflow.api.v1.LinkLimit. */
export const LINK_CLASSES = ["control", "metrics", "logs", "layers"] as const;
export type LinkClass = (typeof LINK_CLASSES)[number];

/** A limit as a person wrote it. */
export interface LinkLimitRule {
  readonly class: LinkClass;
  /** In each direction; 0 stops the class. */
  readonly bytesPerSecond: number;
  /** Minutes of the day; both 0: always. From later than until: over midnight. Equal: a whole day. */
  readonly fromMinute: number;
  readonly untilMinute: number;
  /** 1 = Monday … 7 = Sunday, of the day on which it begins; none: every day. */
  readonly weekdays: readonly number[];
}

/** What holds now, and until when. */
export interface LimitsNow {
  /** Class → index of its limit in the rules; a class without one is unlimited. */
  readonly inForce: ReadonlyMap<LinkClass, number>;
  /** When something else begins to hold, milliseconds since 1970; absent when nothing does within HORIZON_MS. */
  readonly changesAt?: number;
}

const DAY_MS = 86_400_000;
const DAY_MINUTES = 1_440;
/** Rules repeat weekly; a day more for clocks that change. */
const HORIZON_MS = 8 * DAY_MS;
/** The longest lasts a day, and clocks change. */
const LOOK_BACK_MS = 2 * DAY_MS;

interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Whether a rule goes by the hours, so that a time zone matters. */
export function hasHours({ fromMinute, untilMinute, weekdays }: LinkLimitRule): boolean {
  return fromMinute !== 0 || untilMinute !== 0 || weekdays.length > 0;
}

/**
 * The limits in force: of each class the first rule that holds.
 * @param clock of the time zone of the hours
 * @param now milliseconds since 1970
 */
export function limitsAt(rules: readonly LinkLimitRule[], clock: ZoneClock, now: number): LimitsNow {
  const stretches = rules.map((rule) => stretchesOf(rule, clock, now));
  const at = (moment: number): Map<LinkClass, number> => {
    const inForce = new Map<LinkClass, number>();
    for (const [index, rule] of rules.entries())
      if (!inForce.has(rule.class) && isWithin(stretches[index], moment)) inForce.set(rule.class, index);
    return inForce;
  };
  const inForce = at(now);
  const moments = stretches
    .flatMap((found) => found ?? [])
    .flatMap(({ from, to }) => [from, to])
    .filter((moment) => moment > now && moment <= now + HORIZON_MS);
  for (const moment of [...new Set(moments)].toSorted((a, b) => a - b))
    if (!isSame(at(moment), inForce)) return { inForce, changesAt: moment };
  return { inForce };
}

/** Undefined: always. */
function stretchesOf(rule: LinkLimitRule, clock: ZoneClock, now: number): readonly Stretch[] | undefined {
  if (!hasHours(rule)) return undefined;
  const { weekdays, fromMinute, untilMinute } = rule;
  const end = untilMinute > fromMinute ? untilMinute : untilMinute + DAY_MINUTES;
  const span = { from: now - LOOK_BACK_MS, to: now + HORIZON_MS };
  return occurrences({ weekdays, minuteOfDay: fromMinute }, span, clock).map(({ day, at }) => ({
    from: at,
    to: momentOn(day, end, clock),
  }));
}

function isWithin(stretches: readonly Stretch[] | undefined, moment: number): boolean {
  return stretches === undefined || stretches.some(({ from, to }) => from <= moment && moment < to);
}

function isSame(left: ReadonlyMap<LinkClass, number>, right: ReadonlyMap<LinkClass, number>): boolean {
  return left.size === right.size && [...left].every(([name, index]) => right.get(name) === index);
}
