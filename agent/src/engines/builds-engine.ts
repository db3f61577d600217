import type { RegistryCredentials } from "../reconcile/engine.ts";

/** What a build takes besides its files. */
export interface BuildSettings {
  readonly arguments: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly target?: string;
  /** Network of the RUN steps. */
  readonly network?: string;
  readonly shmBytes?: number;
  /** `name:address`. */
  readonly extraHosts: readonly string[];
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly platform: string;
  readonly noCache: boolean;
  /** Asks the registries again for the images that it starts from. */
  readonly pull: boolean;
}

export interface BuildRequest {
  /** Name and tag that the image gets. */
  readonly reference: string;
  /** A tar of the context. */
  readonly context: AsyncIterable<Uint8Array>;
  /** Path of the Dockerfile in it. */
  readonly dockerfile: string;
  readonly settings: BuildSettings;
  /** For the images that it starts from. */
  readonly credentials: readonly RegistryCredentials[];
  /** Ends the build on the engine. */
  readonly signal: AbortSignal;
}

/** Building, taking out and putting in of images. */
export interface BuildsEngine {
  /**
   * Builds with BuildKit where the engine has it, else with its older builder. Lines are as `docker build --progress plain` prints them.
   * @throws EngineError with what failed in the builder's words.
   */
  buildImage(request: BuildRequest, onLine: (line: string) => void): Promise<void>;
  /** The image as `docker save` gives it. */
  saveImage(reference: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Puts in an archive of the OCI layout. An engine may say nothing although it failed: look at what it has then. */
  loadImage(archive: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** Undefined when the engine has no such image, or not all of it. */
  imageLayers(
    reference: string,
  ): Promise<
    { readonly id: string; readonly digests: readonly string[]; readonly layers: readonly string[] } | undefined
  >;
  /** The layers of every image of the engine, each from the base up. */
  allLayers(): Promise<readonly (readonly string[])[]>;
  /** Folder in which the engine keeps images. */
  imageFolder(): Promise<string>;
}
