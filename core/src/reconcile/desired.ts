import type { ComposeModel } from "../compose/model.ts";

/** One layer of an image that was built. */
export interface DeliveredLayer {
  /** `sha256:…` of the uncompressed tar, as the image's configuration names it. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** An image that was built and is in no registry: its configuration and its layers are files of the revision. */
export interface DeliveredImage {
  /** `sha256:…` of the configuration's bytes. */
  readonly configDigest: string;
  readonly configSizeBytes: number;
  /** Of the OCI manifest that we write for it; what an engine with the containerd store knows it by. */
  readonly manifestDigest: string;
  /** The base's first. */
  readonly layers: readonly DeliveredLayer[];
  /** `linux/amd64`. */
  readonly platform: string;
  /** References that the engine has to know it by. */
  readonly tags: readonly string[];
}

/** What an image reference of a revision was resolved to. */
export interface ResolvedImage {
  /** Engine ids that count as this image: the config digest (graph driver) and the manifest or index digest (containerd store). */
  readonly ids: readonly string[];
  /** `repository@sha256:…`; absent for an image that came by load or build and cannot be pulled again. */
  readonly pullFrom?: string;
  /** Set for an image that was built: it is loaded and not pulled. */
  readonly delivered?: DeliveredImage;
}

export type HealAction = "restart" | "recreate" | "alert";

/** What a host does by itself when a container of a service ends or is unhealthy. */
export interface HealRule {
  readonly action: HealAction;
  /** Also one that runs and is unhealthy, not only one that ended. */
  readonly whenUnhealthy: boolean;
  /** Attempts within `budgetMs`; after them it is left alone. */
  readonly budget: number;
  readonly budgetMs: number;
  /** Wait before the first attempt, doubled with each that still counts. */
  readonly backoffMs: number;
  readonly backoffLimitMs: number;
}

/** What a host does with a stack by itself. */
export interface HostPolicy {
  /** What nobody asked for is told and left alone. */
  readonly reportDrift: boolean;
  /** By service; `*` for every other one. */
  readonly heal: Readonly<Record<string, HealRule>>;
  /** Revisions that are kept whole, the current one counted. */
  readonly keepRevisions: number;
}

/** Something that a rollout asks of a service, at its containers' own addresses. */
export interface GateProbe {
  readonly service: string;
  readonly check:
    | {
        readonly kind: "http";
        readonly port: number;
        readonly path: string;
        /** Any of 200 to 399 without it. */
        readonly status?: number;
        readonly contains?: string;
      }
    | { readonly kind: "tcp"; readonly port: number }
    | { readonly kind: "exec"; readonly command: readonly string[] };
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Times in a row. */
  readonly successes: number;
}

/** One revision that the host must run. */
export interface DesiredStack {
  readonly stackId: string;
  readonly stackName: string;
  /** Compose project name; unique on a host. */
  readonly project: string;
  readonly revision: number;
  readonly bodyDigest: string;
  readonly model: ComposeModel;
  /** Path in the model → digest of the content. */
  readonly files: Readonly<Record<string, string>>;
  /** Source of a bind mount of the stack's own files → digest over all that is there: contents, modes, owners, links. */
  readonly trees?: Readonly<Record<string, string>>;
  /** Folder of the stack's source on the host: what its own files are below in the model. */
  readonly workingDirectory?: string;
  /** Its compose files in merge order, below that folder. */
  readonly configFiles?: readonly string[];
  /** Image reference as written in the model → what it was resolved to; without an entry the host resolves it once. */
  readonly images: Readonly<Record<string, ResolvedImage | undefined>>;
  /** Ids of containers that an adoption record makes ours although they carry no label of ours. */
  readonly adopted?: readonly string[];
  /** What asked for it: a revision that failed is tried again with another attempt only. */
  readonly attempt?: string;
  /** Keys of volumes that may be made anew, without their data, when their settings changed. */
  readonly recreateVolumes?: readonly string[];
  /** Absent: drift is put right, and containers end as their restart policy says. */
  readonly policy?: HostPolicy;
  readonly probes?: readonly GateProbe[];
  /** Another value than the one that was acted on puts drift right once. */
  readonly correct?: string;
  /** Root on the host holds it at this revision, whatever else is wanted. */
  readonly held?: true;
}

/** Everything that one host must run. A stack that is absent here must be absent on the host. */
export interface DesiredWorld {
  readonly organizationId: string;
  /** Opaque here; handed back with the report of what was applied. */
  readonly generation: string;
  readonly stacks: readonly DesiredStack[];
  /** Containers that were adopted into stacks which are wanted no more: they go with them. */
  readonly departed?: readonly AdoptedContainers[];
}

export interface AdoptedContainers {
  readonly stackId: string;
  readonly containerIds: readonly string[];
}

/** A container that an operator stopped on purpose: it stays stopped until it is started again or the revision changes. */
export interface Hold {
  readonly stackId: string;
  readonly revision: number;
  readonly service: string;
  readonly number: number;
}
