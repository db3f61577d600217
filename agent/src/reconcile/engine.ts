import type {
  ComposeNetwork,
  ComposeService,
  ComposeVolume,
  ContainerDetail,
  EngineFacts,
  InheritedVolume,
  ObservedContainer,
  ObservedImage,
  ObservedNetwork,
  ObservedVolume,
  RestartPolicy,
} from "@windflow/core";

/** One event of an engine. */
export interface EngineEvent {
  /** Milliseconds since the epoch, by the engine's clock. */
  readonly at: number;
  readonly type: string;
  /** `start`, `die`, `health_status: healthy`, … */
  readonly action: string;
  readonly id: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface EventSubscription {
  /** Resolves when the stream ended, by us or by the engine. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Bytes in memory, or a file on this host that is not read before it is needed. */
export type FileContent = Buffer | { readonly path: string; readonly sizeBytes: number };

/** A file to be put into a container before it starts. */
export interface ContainerFile {
  /** Absolute path in the container. */
  readonly path: string;
  readonly content: FileContent;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export interface PullProgress {
  readonly layersDone: number;
  readonly layersTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface PulledImage {
  readonly id: string;
  /** `repository@sha256:…` each. */
  readonly digests: readonly string[];
}

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  readonly serverAddress: string;
}

export interface PullRequest {
  /** `repository:tag` or `repository@sha256:…`. */
  readonly reference: string;
  readonly platform?: string;
  readonly credentials?: RegistryCredentials;
  /** Name that the image gets, as a pull by that tag would give it; docker compose looks for it by name. */
  readonly tagAs?: string;
  readonly signal?: AbortSignal;
}

/** A network of the model as a container attaches to it. */
export interface NetworkAttachment {
  readonly key: string;
  /** Name on the engine. */
  readonly name: string;
  readonly aliases: readonly string[];
}

/** Everything that a container is made from. Secret text is in `service` already, so this is never logged. */
export interface CreateContainerRequest {
  readonly name: string;
  readonly imageId: string;
  readonly service: ComposeService;
  readonly labels: Readonly<Record<string, string>>;
  readonly networks: readonly NetworkAttachment[];
  /** Source of a bind mount in the model → where it is on this host; absent for one that is a path of the host. */
  readonly bindSources?: Readonly<Record<string, string>>;
  /** Volume key of the model → name on the engine. */
  readonly volumeNames: Readonly<Record<string, string>>;
  readonly inherited: readonly InheritedVolume[];
  /** Service → id of the container whose namespaces or volumes it shares. */
  readonly shares: Readonly<Record<string, string>>;
  /** `container:alias` each, from `links`. */
  readonly links: readonly string[];
}

export interface ConnectRequest {
  readonly network: NetworkAttachment;
  readonly containerId: string;
  readonly service: ComposeService;
}

/** A command to be run inside a container. Secret text is in it already, so this is never logged. */
export interface HookRequest {
  readonly command: readonly string[];
  readonly user?: string;
  readonly privileged: boolean;
  readonly workingDirectory?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface HookResult {
  readonly exitCode: number;
  /** The end of what it wrote, shortened. */
  readonly output: string;
}

/** What the reconciler asks of an engine. Every call rejects with an {@link EngineError}. */
export interface ReconcileEngine {
  facts(): Promise<EngineFacts>;
  listContainers(): Promise<ObservedContainer[]>;
  listNetworks(): Promise<ObservedNetwork[]>;
  listVolumes(): Promise<ObservedVolume[]>;
  listImages(): Promise<ObservedImage[]>;
  /** @returns undefined when the container is gone. */
  containerDetail(containerId: string): Promise<ContainerDetail | undefined>;
  /**
   * Resolves once the engine has accepted the subscription: no event after that is missed.
   * @param since also what the engine still knows of from this time on, milliseconds by its clock; some of it may have been told before
   */
  subscribe(listener: (event: EngineEvent) => void, since?: number): Promise<EventSubscription>;
  /** @returns the image that the engine has then. */
  pullImage(request: PullRequest, onProgress: (progress: PullProgress) => void): Promise<PulledImage>;
  createNetwork(name: string, network: ComposeNetwork, labels: Readonly<Record<string, string>>): Promise<void>;
  removeNetwork(networkId: string): Promise<void>;
  createVolume(name: string, volume: ComposeVolume, labels: Readonly<Record<string, string>>): Promise<void>;
  /** With its data. */
  removeVolume(name: string): Promise<void>;
  /** @returns the id of the container. */
  createContainer(request: CreateContainerRequest): Promise<string>;
  copyFiles(containerId: string, files: readonly ContainerFile[]): Promise<void>;
  startContainer(containerId: string): Promise<void>;
  /** Resolves when it has ended: by its stop signal, or killed after its grace period. */
  stopContainer(containerId: string): Promise<void>;
  restartContainer(containerId: string): Promise<void>;
  removeContainer(containerId: string): Promise<void>;
  renameContainer(containerId: string, name: string): Promise<void>;
  /** What the engine does from now on when it ends; a container that runs goes on running. */
  setRestartPolicy(containerId: string, policy: RestartPolicy): Promise<void>;
  /** Resolves when the command has ended. */
  runHook(containerId: string, request: HookRequest): Promise<HookResult>;
  connectNetwork(request: ConnectRequest): Promise<void>;
}

/** An engine refused or could not be reached; the message is the engine's own. */
export class EngineError extends Error {
  override readonly name: string = "EngineError";
  /** HTTP status of the Engine API; undefined when there was no answer. */
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined) {
    super(message);
    this.status = status;
  }

  /** No answer: the engine is away, which says nothing about its containers. */
  get unreachable(): boolean {
    return this.status === undefined;
  }

  /** Trying again changes nothing until somebody changes something elsewhere. */
  get final(): boolean {
    return false;
  }
}
