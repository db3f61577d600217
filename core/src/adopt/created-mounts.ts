import type { ComposeServiceVolume } from "../compose/model.ts";
import type { InspectedContainer, InspectedMount } from "./inspected.ts";

// The engine gives such names to volumes that nobody named.
const NAMELESS_VOLUME = /^[0-9a-f]{64}$/;
const PROPAGATION = /^r?(?:private|shared|slave)$/;

/**
 * Mounts that a container was created with, in long form; a volume's source is its name on the engine. Those of its image are not
 * among them.
 * @param imageVolumes paths that the image declares as volumes
 */
export function createdMounts(
  { Config: config, HostConfig: host }: Pick<InspectedContainer, "Config" | "HostConfig">,
  imageVolumes: readonly string[],
): ComposeServiceVolume[] {
  const mounts = [...(host.Binds ?? []).map(bindOf), ...(host.Mounts ?? []).map(mountOf)];
  const known = new Set([...imageVolumes, ...Object.keys(host.Tmpfs ?? {}), ...mounts.map(({ target }) => target)]);
  // The first docker compose asked for nameless volumes here.
  const nameless = Object.keys(config.Volumes ?? {}).filter((target) => !known.has(target));
  return [...mounts, ...nameless.map((target): ComposeServiceVolume => ({ type: "volume", target, volume: {} }))];
}

/** `source:target[:options]`; neither path can hold a colon here, or it would be in Mounts. */
function bindOf(text: string): ComposeServiceVolume {
  const [source = "", target = "", options = ""] = text.split(":");
  const words = options.split(",").filter((word) => word !== "");
  const readOnly = words.includes("ro") ? { read_only: true } : {};
  if (!source.startsWith("/")) {
    const volume = words.includes("nocopy") ? { nocopy: true } : {};
    return { type: "volume", ...sourceOf(source), target, ...readOnly, volume };
  }
  const propagation = words.find((word) => PROPAGATION.test(word));
  const selinux = words.find((word) => word === "z" || word === "Z");
  const bind = {
    ...(selinux === undefined ? {} : { selinux }),
    ...(propagation === undefined ? {} : { propagation }),
    create_host_path: true,
  };
  return { type: "bind", source, target, ...readOnly, bind };
}

function mountOf(mount: InspectedMount): ComposeServiceVolume {
  const type = mountType(mount.Type ?? "");
  const common = { type, target: mount.Target ?? "", ...(mount.ReadOnly === true ? { read_only: true } : {}) };
  const source = mount.Source ?? "";
  switch (type) {
    case "volume": {
      const { NoCopy: nocopy, Subpath: subpath } = mount.VolumeOptions ?? {};
      const volume = { ...(nocopy === true ? { nocopy } : {}), ...(subpath ? { subpath } : {}) };
      return { ...common, ...sourceOf(source), volume };
    }
    case "tmpfs": {
      const { SizeBytes: size, Mode: mode } = mount.TmpfsOptions ?? {};
      const tmpfs = { ...(size ? { size: String(size) } : {}), ...(mode ? { mode } : {}) };
      return { ...common, tmpfs };
    }
    case "bind": {
      const { Propagation: propagation, NonRecursive: nonRecursive } = mount.BindOptions ?? {};
      const bind = {
        ...(propagation ? { propagation } : {}),
        ...(nonRecursive === true ? { recursive: "disabled" } : {}),
        create_host_path: mount.BindOptions?.CreateMountpoint === true,
      };
      return { ...common, source, bind };
    }
    default:
      return { ...common, ...(source === "" ? {} : { source }) };
  }
}

function sourceOf(name: string): { source?: string } {
  return name === "" || NAMELESS_VOLUME.test(name) ? {} : { source: name };
}

function mountType(type: string): ComposeServiceVolume["type"] {
  switch (type) {
    case "bind":
    case "tmpfs":
    case "npipe":
    case "cluster":
    case "image":
      return type;
    default:
      return "volume";
  }
}
