/** Which hosts a stack belongs on: all that match. */
export interface Placement {
  /** Every label must be there with this value. Empty together with no host ids: no host. */
  readonly matchLabels: Readonly<Record<string, string>>;
  /** These hosts, whatever their labels. */
  readonly hostIds: readonly string[];
  /** Only hosts of this environment; empty means all. */
  readonly environmentId: string;
  /** Every host of the environment (or of the organization). */
  readonly allHosts: boolean;
}

/** What placement needs to know of a host. */
export interface PlacementHost {
  readonly hostId: string;
  readonly name: string;
  readonly environmentId: string;
  /** Given by a person or a token. */
  readonly labels: Readonly<Record<string, string>>;
  /** Reported by the host itself, keys beginning with `fact/`. */
  readonly facts: Readonly<Record<string, string>>;
  readonly revoked: boolean;
  readonly awaitingApproval: boolean;
}

export const emptyPlacement: Placement = { matchLabels: {}, hostIds: [], environmentId: "", allHosts: false };

/** Keys that the host sets by itself begin so; a person's labels may not. */
export const FACT_PREFIX = "fact/";
