import type { LabelExpression } from "../placement/index.ts";

/** When hosts may be changed, as a person wrote it. */
export interface WindowRule {
  readonly name: string;
  /** Hosts whose labels satisfy all of these; none: every host. */
  readonly expressions: readonly LabelExpression[];
  /** IANA name, "Europe/Paris". */
  readonly timeZone: string;
  /** 1 = Monday … 7 = Sunday, of the day on which it opens; none: every day. */
  readonly weekdays: readonly number[];
  /** "22:00", by the clocks of the zone. */
  readonly opensAt: string;
  /** Elapsed minutes that it stays open. */
  readonly durationMinutes: number;
  /** As if it were not there. */
  readonly disabled: boolean;
}

export interface MaintenanceWindow {
  readonly id: string;
  readonly organizationId: string;
  readonly rule: WindowRule;
  /** Rises with each change; the etag. */
  readonly version: number;
}

/** A host as windows look at it. */
export interface WindowHost {
  readonly hostId: string;
  /** Given by a person or a token; what a host says of itself opens no window. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Whether a host may be changed now, by its windows. */
export interface WindowState {
  readonly open: boolean;
  /** While it is closed: when it opens. Milliseconds since 1970; absent when it does not within HORIZON_MS. */
  readonly opensAt?: number;
  /** While it is open: when it closes. Milliseconds since 1970; absent when it has no windows, or stays open beyond HORIZON_MS. */
  readonly closesAt?: number;
}

/** A stretch of time, milliseconds since 1970, without its end. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

const DAY_MS = 86_400_000;

/** How far one looks ahead: a weekly window is found also when the clocks change before it. */
export const HORIZON_MS: number = 9 * DAY_MS;
/** The longest window lasts a week; one that opened before that, and clocks that change, are looked at too. */
export const LOOK_BACK_MS: number = 8 * DAY_MS;
