import type { ComposeServiceVolume } from "@windflow/core";
import type { CreateContainerRequest } from "../../reconcile/engine.ts";
import { bytes, compact } from "./units.ts";

const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export interface MountSettings {
  readonly Binds?: string[];
  readonly Mounts?: Record<string, unknown>[];
}

/** Mounts of a service. Plain ones are written as Binds because docker compose writes them so, and only Binds make a missing host path. */
export function mountsOf(
  mounts: readonly ComposeServiceVolume[],
  request: Pick<CreateContainerRequest, "volumeNames" | "inherited" | "bindSources">,
): MountSettings {
  const { volumeNames, inherited, bindSources = {} } = request;
  const binds: string[] = [];
  const others: Record<string, unknown>[] = [];
  for (const written of mounts) {
    const source = written.type === "bind" ? bindSources[written.source ?? ""] : undefined;
    const mount = source === undefined ? written : { ...written, source };
    const taken = inherited.find((volume) => volume.destination === mount.target && mount.source === undefined);
    if (taken) continue;
    const bind = bindText(mount, volumeNames);
    if (bind === undefined) others.push(mountObject(mount, volumeNames));
    else binds.push(bind);
  }
  for (const volume of inherited) binds.push(`${volume.name}:${volume.destination}:rw`);
  return { ...(binds.length > 0 ? { Binds: binds } : {}), ...(others.length > 0 ? { Mounts: others } : {}) };
}

function bindText(mount: ComposeServiceVolume, volumeNames: Readonly<Record<string, string>>): string | undefined {
  const mode = mount.read_only === true ? "ro" : "rw";
  if (mount.source === undefined || mount.target.includes(":") || mount.source.includes(":")) return undefined;
  if (mount.type === "volume" && mount.volume?.subpath === undefined && mount.volume?.labels === undefined) {
    const name = volumeNames[mount.source] ?? mount.source;
    // An engine takes a path in the place of a name for a mount of the host.
    if (!VOLUME_NAME.test(name)) return undefined;
    return `${name}:${mount.target}:${mode}${mount.volume?.nocopy === true ? ",nocopy" : ""}`;
  }
  if (mount.type !== "bind" || mount.bind?.create_host_path === false || mount.bind?.recursive !== undefined)
    return undefined;
  const options = [mode, mount.bind?.selinux, mount.bind?.propagation].filter((option) => option !== undefined);
  return `${mount.source}:${mount.target}:${options.join(",")}`;
}

function mountObject(
  mount: ComposeServiceVolume,
  volumeNames: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const source = mount.type === "volume" && mount.source !== undefined ? volumeNames[mount.source] : undefined;
  return compact({
    Type: mount.type,
    Source: mount.type === "tmpfs" ? undefined : (source ?? mount.source),
    Target: mount.target,
    ReadOnly: mount.read_only,
    Consistency: mount.consistency,
    BindOptions: mount.type === "bind" ? bindOptions(mount) : undefined,
    VolumeOptions: mount.type === "volume" && mount.volume ? volumeOptions(mount) : undefined,
    TmpfsOptions:
      mount.type === "tmpfs" && mount.tmpfs
        ? compact({ SizeBytes: bytes(mount.tmpfs.size), Mode: mount.tmpfs.mode })
        : undefined,
    ImageOptions: mount.type === "image" && mount.image?.subpath ? { Subpath: mount.image.subpath } : undefined,
  });
}

function bindOptions(mount: ComposeServiceVolume): Record<string, unknown> {
  const recursive = mount.bind?.recursive;
  return compact({
    Propagation: mount.bind?.propagation,
    CreateMountpoint: mount.bind?.create_host_path,
    NonRecursive: recursive === "disabled" ? true : undefined,
    ReadOnlyNonRecursive: recursive === "writable" ? true : undefined,
    ReadOnlyForceRecursive: recursive === "readonly" ? true : undefined,
  });
}

function volumeOptions(mount: ComposeServiceVolume): Record<string, unknown> {
  return compact({ NoCopy: mount.volume?.nocopy, Labels: mount.volume?.labels, Subpath: mount.volume?.subpath });
}
