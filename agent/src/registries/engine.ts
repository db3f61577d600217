import { EngineError, type RegistryCredentials } from "../reconcile/engine.ts";

/** An image that an engine has. */
export interface LocalImage {
  readonly id: string;
  /** `repository@sha256:…` each. */
  readonly digests: readonly string[];
  /** `linux/amd64`. */
  readonly platform: string;
}

/** An image as its registry tells of it. */
export interface RemoteImage {
  /** `sha256:…` of an index or a manifest. */
  readonly digest: string;
  /** `linux/amd64`; empty when the registry does not say. */
  readonly platforms: readonly string[];
}

export interface RegistryCall {
  readonly credentials: RegistryCredentials | undefined;
  readonly signal: AbortSignal;
}

/** What is asked of an engine about images and registries. Every call rejects with an {@link EngineError}. */
export interface RegistryEngine {
  /** undefined when the engine has none of that name. */
  localImage(reference: string): Promise<LocalImage | undefined>;
  /** Nothing is pulled. @throws RegistryError */
  remoteImage(reference: string, call: RegistryCall): Promise<RemoteImage>;
  /** Resolves when the registry took the credentials. @throws RegistryError */
  signIn(credentials: RegistryCredentials, signal: AbortSignal): Promise<void>;
}

export type RegistryCode = "WF_REGISTRY_UNAUTHORIZED" | "WF_IMAGE_NOT_FOUND" | "WF_REGISTRY_UNREACHABLE";

/** A registry refused, has not, or cannot be reached. The message is one sentence with what to do, and ends with the code. */
export class RegistryError extends EngineError {
  override readonly name = "RegistryError";
  readonly code: RegistryCode;
  /** Without the code. */
  readonly sentence: string;

  constructor(code: RegistryCode, sentence: string, status: number | undefined) {
    super(`${sentence} (${code})`, status);
    this.code = code;
    this.sentence = sentence;
  }

  override get final(): boolean {
    return this.code !== "WF_REGISTRY_UNREACHABLE";
  }
}
