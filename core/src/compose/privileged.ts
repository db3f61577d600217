import type { ComposeModel } from "./model.ts";
import type { ComposeService, ComposeServiceVolume } from "./model-service.ts";

/** One key by which a container could become root on its host (decision 19). */
export interface PrivilegedUse {
  readonly service: string;
  /** Key path inside the service, as `volumes[0].source`. */
  readonly key: string;
  readonly value: string;
  readonly why: string;
}

export interface PrivilegePolicy {
  /** Absolute folders below which host paths may be mounted; none means that every host path counts as privileged. */
  readonly allowedBindRoots: readonly string[];
  /** Absolute folder below which the stack's own files lie: what is mounted from there is no path of the host. */
  readonly ownFolder?: string;
}

type Finding = Omit<PrivilegedUse, "service">;

const HOST_NETWORK = "host";
const ENGINE_SOCKET = /(^|\/)(docker|podman|containerd|crio)(\.sock)?$/;
// These only take rights away, so they are no danger.
const HARMLESS_SECURITY_OPT = /^(no-new-privileges([:=]true)?)$/;

/** Every use of a key that needs the permission `stacks.deploy.privileged`, in the order of services and keys; empty means an ordinary model. */
export function privilegedUses(model: ComposeModel, policy: PrivilegePolicy): PrivilegedUse[] {
  return Object.entries(model.services).flatMap(([service, spec]) => {
    const findings = [
      ...namespaces(spec),
      ...capabilities(spec),
      ...devices(spec),
      ...mounts(spec, policy),
      ...hooks(spec),
    ];
    return [...findings, ...hostVolumes(model, spec, policy), ...hostNetworks(model, spec)].map((finding) => ({
      service,
      ...finding,
    }));
  });
}

function namespaces(service: ComposeService): Finding[] {
  const findings: Finding[] = [];
  if (service.privileged === true) {
    findings.push({
      key: "privileged",
      value: "true",
      why: "the container gets every right that root has on the host",
    });
  }
  if (service.use_api_socket === true) {
    findings.push({
      key: "use_api_socket",
      value: "true",
      why: "the container can command the engine, hence the host",
    });
  }
  const shared = {
    pid: "it sees and signals every process of the host",
    ipc: "it shares the host's memory segments",
    network_mode: "it listens and sniffs on every address of the host",
    userns_mode: "root inside is root on the host",
    uts: "it can rename the host",
    cgroup: "it sees the host's control groups",
  } as const;
  for (const [key, why] of Object.entries(shared)) {
    const value = service[key as keyof typeof shared];
    if (value === undefined) continue;
    if (value === "host") findings.push({ key, value, why });
    else if (value.startsWith("container:")) {
      findings.push({ key, value, why: "it joins a container that this stack does not own" });
    }
  }
  for (const [i, from] of (service.volumes_from ?? []).entries()) {
    if (!from.startsWith("container:")) continue;
    findings.push({
      key: `volumes_from[${i}]`,
      value: from,
      why: "it mounts the volumes of a container that this stack does not own",
    });
  }
  if (service.cgroup_parent !== undefined) {
    findings.push({
      key: "cgroup_parent",
      value: service.cgroup_parent,
      why: "it can leave the limits that the host set for containers",
    });
  }
  return findings;
}

// The engine knows the host's network by its name too, as one that is there already.
function hostNetworks(model: ComposeModel, service: ComposeService): Finding[] {
  return Object.keys(service.networks ?? {}).flatMap((key) =>
    model.networks?.[key]?.name === HOST_NETWORK
      ? [{ key: `networks.${key}`, value: HOST_NETWORK, why: "it listens and sniffs on every address of the host" }]
      : [],
  );
}

function capabilities(service: ComposeService): Finding[] {
  const added = (service.cap_add ?? []).map((value, i) => ({
    key: `cap_add[${i}]`,
    value,
    why: "the container gets a right of root that containers do not have",
  }));
  const options = (service.security_opt ?? []).flatMap((value, i) =>
    HARMLESS_SECURITY_OPT.test(value)
      ? []
      : [{ key: `security_opt[${i}]`, value, why: "it changes the confinement of the container" }],
  );
  return [...added, ...options];
}

function devices(service: ComposeService): Finding[] {
  return [
    ...(service.devices ?? []).map((device, i) => ({
      key: `devices[${i}]`,
      value: device.source,
      why: "the container reads and writes a device of the host directly",
    })),
    ...(service.device_cgroup_rules ?? []).map((value, i) => ({
      key: `device_cgroup_rules[${i}]`,
      value,
      why: "the container may create and open device nodes of the host",
    })),
  ];
}

function mounts(service: ComposeService, policy: PrivilegePolicy): Finding[] {
  return (service.volumes ?? []).flatMap((mount, i) => {
    const why = whyPrivilegedMount(mount, policy);
    return why === undefined ? [] : [{ key: `volumes[${i}].source`, value: mount.source ?? mount.target, why }];
  });
}

function whyPrivilegedMount(mount: ComposeServiceVolume, policy: PrivilegePolicy): string | undefined {
  if (mount.type !== "bind" && mount.type !== "npipe") return undefined;
  const propagation = mount.bind?.propagation;
  if (propagation === "shared" || propagation === "rshared") {
    return "what the container mounts there appears on the host";
  }
  return whyPrivilegedPath(mount.source ?? "", policy);
}

function whyPrivilegedPath(path: string, policy: PrivilegePolicy): string | undefined {
  const { allowedBindRoots: roots, ownFolder } = policy;
  // Dots would let a path begin like an allowed one and end elsewhere.
  const traversing = path.split("/").includes("..");
  if (ownFolder !== undefined && !traversing && isBelow(path, ownFolder)) return undefined;
  if (ENGINE_SOCKET.test(path)) return "the container can command the engine, hence the host";
  if (!traversing && roots.some((root) => isBelow(path, root))) return undefined;
  return roots.length === 0
    ? "it mounts a path of the host, and no path is allowed"
    : `it mounts a path of the host outside ${roots.join(", ")}`;
}

// What of the local driver's mounts has nothing to do with the host's own folders.
const REMOTE_OR_MEMORY: ReadonlySet<string> = new Set(["tmpfs", "nfs", "nfs4"]);

// The local driver hands these to mount(2): a bind mount, an overlay or a relative device is a path of the host in disguise.
function hostVolumes(model: ComposeModel, service: ComposeService, policy: PrivilegePolicy): Finding[] {
  return (service.volumes ?? []).flatMap((mount, i) => {
    if (mount.type !== "volume" || mount.source === undefined) return [];
    const { device, type = "", o: options = "" } = model.volumes?.[mount.source]?.driver_opts ?? {};
    if (device === undefined) return [];
    const why = whyPrivilegedDevice({ device, type, options }, policy);
    return why === undefined ? [] : [{ key: `volumes[${i}].source`, value: device, why }];
  });
}

function whyPrivilegedDevice(
  { device, type, options }: { readonly device: string; readonly type: string; readonly options: string },
  policy: PrivilegePolicy,
): string | undefined {
  const flags = options.split(",").map((flag) => flag.trim());
  const isBind = flags.includes("bind") || flags.includes("rbind");
  // The kernel does not look at the type of a bind mount.
  if (!isBind && REMOTE_OR_MEMORY.has(type) && !device.startsWith("/")) return undefined;
  if (device.startsWith("/") && (isBind || type === "none")) return whyPrivilegedPath(device, policy);
  return "the volume mounts what its options say, which may be any folder or device of the host";
}

function hooks(service: ComposeService): Finding[] {
  return (["pre_start", "post_start", "pre_stop"] as const).flatMap((key) =>
    (service[key] ?? []).flatMap((hook, i) =>
      hook.privileged === true
        ? [
            {
              key: `${key}[${i}].privileged`,
              value: "true",
              why: "the hook gets every right that root has on the host",
            },
          ]
        : [],
    ),
  );
}

function isBelow(path: string, root: string): boolean {
  const base = root.endsWith("/") ? root : `${root}/`;
  return path === root || path.startsWith(base);
}
