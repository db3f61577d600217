/** Where a stack belongs: all hosts that are selected, or as many of them as it asks for. */
export interface Placement {
  /** Every label must be there with this value. */
  readonly matchLabels: Readonly<Record<string, string>>;
  /** These hosts, whatever `matchLabels` says. */
  readonly hostIds: readonly string[];
  /** Only hosts of this environment; empty means all. */
  readonly environmentId: string;
  /** Every host of the environment (or of the organization). */
  readonly allHosts: boolean;
  /** Every one must hold, also on named hosts; alone, without the three selectors above, they select. */
  readonly expressions: readonly LabelExpression[];
  readonly strategy: PlacementStrategy;
  /** Hosts wanted by `spread` and `binpack`; without meaning for `all`. */
  readonly replicas: number;
  /** Key of the label over whose values `spread` spreads; empty: over hosts, the emptiest first. */
  readonly spreadBy: string;
  readonly constraints: PlacementConstraints;
  /** Which of the hosts that may run it come first; of no weight against what runs already and against the spread. */
  readonly preferences: readonly PlacementPreference[];
  /** A host away for longer has its replica placed elsewhere; 0: DEFAULT_GONE_AFTER_SECONDS. */
  readonly hostGoneAfterSeconds: number;
  /** A person vouches that these hosts, when they are away, do not run the stack: it may be placed elsewhere at once. */
  readonly releasedHostIds: readonly string[];
}

export type PlacementStrategy = "all" | "spread" | "binpack";
export type LabelOperator = "in" | "not-in" | "exists" | "absent" | "equals";

/** `not-in` and `absent` hold where the label is not there. */
export interface LabelExpression {
  readonly key: string;
  readonly operator: LabelOperator;
  /** None for `exists` and `absent`, one for `equals`. */
  readonly values: readonly string[];
}

/** What a host must have. Free is what no stack on it reserved. */
export interface PlacementConstraints {
  /** One of these, as the host says it ("x64", "arm64"); empty: any. */
  readonly arches: readonly string[];
  /** All of these. */
  readonly capabilities: readonly string[];
  readonly freeCpus: number;
  readonly freeMemoryBytes: number;
  /** On the disk that the engine stores images on, as the host measured it. */
  readonly freeDiskBytes: number;
}

/** Added to the host's score where the expression holds; negative keeps away. */
export interface PlacementPreference {
  readonly expression: LabelExpression;
  readonly weight: number;
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
  readonly arch: string;
  readonly capabilities: readonly string[];
  readonly revoked: boolean;
  readonly awaitingApproval: boolean;
  /** Takes nothing new; `draining` also gives away what can go elsewhere. */
  readonly scheduling: "open" | "cordoned" | "draining";
  /** For how long nobody heard of it; absent while it is heard of. */
  readonly awaySeconds?: number;
  /** 0: not known. */
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Free on the engine's disk when the host last measured it; absent while that is not known. */
  readonly diskFreeBytes?: number;
  /** Of other stacks and containers. */
  readonly used: HostUse;
}

export interface HostUse {
  /** Reserved by the stacks that belong there. */
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly ports: readonly PublishedPort[];
}

export interface PublishedPort {
  /** Empty: every address. */
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
}

/** What one copy of the stack takes from its host. */
export interface StackNeeds extends HostUse {
  readonly hasSecrets: boolean;
  /** Named volumes that a service writes to: they are on the host where they were made, and have one writer. */
  readonly writtenVolumes: readonly string[];
}

/** A host where the stack is, or may still be. */
export interface CurrentHost {
  readonly hostId: string;
  /** It was to leave there, and has not yet. */
  readonly leaving: boolean;
}

/** All that placement looks at. */
export interface PlacementInput {
  readonly placement: Placement;
  readonly needs: StackNeeds;
  readonly hosts: readonly PlacementHost[];
  /** Where the stack is, or may still be; of hosts that were removed nothing is known any more. */
  readonly current: readonly CurrentHost[];
}

export type PlacementReason =
  | "selected"
  | "placed"
  | "stays"
  | "held"
  | "no-other-host"
  | "revoked"
  | "awaiting-approval"
  | "environment"
  | "not-selected"
  | "expression"
  | "arch"
  | "capability"
  | "cordoned"
  | "draining"
  | "away"
  | "gone"
  | "released"
  | "moved"
  | "cpu"
  | "memory"
  | "disk"
  | "port"
  | "enough"
  | "single-writer";

export interface PlacementDecision {
  readonly host: PlacementHost;
  readonly chosen: boolean;
  readonly reason: PlacementReason;
  /** The reason as a sentence, with its figures. */
  readonly because: string;
}

export interface PlacementPlan {
  /** Every host, by name. */
  readonly decisions: readonly PlacementDecision[];
  readonly chosen: readonly PlacementHost[];
  /** What is missing, as a sentence; empty when nothing is. */
  readonly short: string;
  /** Hosts wanted, by `spread` and `binpack`. */
  readonly wanted?: number;
}

export const noUse: HostUse = { cpus: 0, memoryBytes: 0, ports: [] };
export const noNeeds: StackNeeds = { ...noUse, hasSecrets: false, writtenVolumes: [] };
export const noConstraints: PlacementConstraints = {
  arches: [],
  capabilities: [],
  freeCpus: 0,
  freeMemoryBytes: 0,
  freeDiskBytes: 0,
};
export const emptyPlacement: Placement = {
  matchLabels: {},
  hostIds: [],
  environmentId: "",
  allHosts: false,
  expressions: [],
  strategy: "all",
  replicas: 0,
  spreadBy: "",
  constraints: noConstraints,
  preferences: [],
  hostGoneAfterSeconds: 0,
  releasedHostIds: [],
};

/** Keys that the host sets by itself begin so; a person's labels may not. */
export const FACT_PREFIX = "fact/";

/** Longer than a reboot with its checks or an update of the host, short enough for a service that is missed. */
export const DEFAULT_GONE_AFTER_SECONDS = 900;
