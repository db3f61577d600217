/**
 * The engine's own JSON of what it has, as far as an adoption reads it. Engines leave out or null what is not set, so nothing is
 * certain to be there.
 */
type Maybe<T> = T | null | undefined;

export interface InspectedHealthcheck {
  readonly Test?: Maybe<readonly string[]>;
  /** Nanoseconds; 0 is the default. */
  readonly Interval?: Maybe<number>;
  readonly Timeout?: Maybe<number>;
  readonly StartPeriod?: Maybe<number>;
  readonly StartInterval?: Maybe<number>;
  readonly Retries?: Maybe<number>;
}

/** Part of a container's and of an image's configuration alike. */
export interface InspectedConfig {
  readonly Hostname?: Maybe<string>;
  readonly Domainname?: Maybe<string>;
  readonly User?: Maybe<string>;
  readonly Env?: Maybe<readonly string[]>;
  readonly Cmd?: Maybe<readonly string[]>;
  readonly Entrypoint?: Maybe<readonly string[]>;
  readonly WorkingDir?: Maybe<string>;
  readonly Labels?: Maybe<Readonly<Record<string, string>>>;
  readonly Tty?: Maybe<boolean>;
  readonly OpenStdin?: Maybe<boolean>;
  readonly StopSignal?: Maybe<string>;
  /** Seconds. */
  readonly StopTimeout?: Maybe<number>;
  readonly Healthcheck?: Maybe<InspectedHealthcheck>;
  readonly ExposedPorts?: Maybe<Readonly<Record<string, unknown>>>;
  readonly Volumes?: Maybe<Readonly<Record<string, unknown>>>;
  readonly Image?: Maybe<string>;
}

export interface InspectedMount {
  readonly Type?: Maybe<string>;
  readonly Source?: Maybe<string>;
  readonly Target?: Maybe<string>;
  readonly ReadOnly?: Maybe<boolean>;
  readonly BindOptions?: Maybe<{
    readonly Propagation?: string;
    readonly NonRecursive?: boolean;
    readonly CreateMountpoint?: boolean;
  }>;
  readonly VolumeOptions?: Maybe<{ readonly NoCopy?: boolean; readonly Subpath?: string }>;
  readonly TmpfsOptions?: Maybe<{ readonly SizeBytes?: number; readonly Mode?: number }>;
}

interface InspectedThrottle {
  readonly Path: string;
  readonly Rate: number;
}

export interface InspectedHostConfig {
  readonly Binds?: Maybe<readonly string[]>;
  readonly Mounts?: Maybe<readonly InspectedMount[]>;
  readonly Tmpfs?: Maybe<Readonly<Record<string, string>>>;
  readonly PortBindings?: Maybe<
    Readonly<Record<string, Maybe<readonly { readonly HostIp?: string; readonly HostPort?: string }[]>>>
  >;
  readonly RestartPolicy?: Maybe<{ readonly Name?: string; readonly MaximumRetryCount?: number }>;
  readonly NetworkMode?: Maybe<string>;
  readonly CapAdd?: Maybe<readonly string[]>;
  readonly CapDrop?: Maybe<readonly string[]>;
  readonly Privileged?: Maybe<boolean>;
  readonly ReadonlyRootfs?: Maybe<boolean>;
  readonly Init?: Maybe<boolean>;
  readonly Memory?: Maybe<number>;
  readonly MemoryReservation?: Maybe<number>;
  readonly MemorySwap?: Maybe<number>;
  readonly MemorySwappiness?: Maybe<number>;
  readonly NanoCpus?: Maybe<number>;
  readonly CpuShares?: Maybe<number>;
  readonly CpuPeriod?: Maybe<number>;
  readonly CpuQuota?: Maybe<number>;
  readonly CpusetCpus?: Maybe<string>;
  readonly PidsLimit?: Maybe<number>;
  readonly OomKillDisable?: Maybe<boolean>;
  readonly OomScoreAdj?: Maybe<number>;
  readonly ShmSize?: Maybe<number>;
  readonly BlkioWeight?: Maybe<number>;
  readonly BlkioDeviceReadBps?: Maybe<readonly InspectedThrottle[]>;
  readonly BlkioDeviceReadIOps?: Maybe<readonly InspectedThrottle[]>;
  readonly BlkioDeviceWriteBps?: Maybe<readonly InspectedThrottle[]>;
  readonly BlkioDeviceWriteIOps?: Maybe<readonly InspectedThrottle[]>;
  readonly CgroupParent?: Maybe<string>;
  readonly CgroupnsMode?: Maybe<string>;
  readonly Sysctls?: Maybe<Readonly<Record<string, string>>>;
  readonly StorageOpt?: Maybe<Readonly<Record<string, string>>>;
  readonly Annotations?: Maybe<Readonly<Record<string, string>>>;
  readonly SecurityOpt?: Maybe<readonly string[]>;
  readonly ExtraHosts?: Maybe<readonly string[]>;
  readonly Dns?: Maybe<readonly string[]>;
  readonly DnsOptions?: Maybe<readonly string[]>;
  readonly DnsSearch?: Maybe<readonly string[]>;
  readonly GroupAdd?: Maybe<readonly string[]>;
  readonly LogConfig?: Maybe<{ readonly Type?: string; readonly Config?: Maybe<Readonly<Record<string, string>>> }>;
  readonly IpcMode?: Maybe<string>;
  readonly PidMode?: Maybe<string>;
  readonly UTSMode?: Maybe<string>;
  readonly UsernsMode?: Maybe<string>;
  readonly Runtime?: Maybe<string>;
  readonly Links?: Maybe<readonly string[]>;
  readonly VolumesFrom?: Maybe<readonly string[]>;
  readonly Devices?: Maybe<
    readonly {
      readonly PathOnHost: string;
      readonly PathInContainer?: string;
      readonly CgroupPermissions?: string;
    }[]
  >;
  readonly DeviceCgroupRules?: Maybe<readonly string[]>;
  readonly DeviceRequests?: Maybe<
    readonly {
      readonly Driver?: string;
      readonly Count?: number;
      readonly DeviceIDs?: Maybe<readonly string[]>;
      readonly Capabilities?: Maybe<readonly (readonly string[])[]>;
      readonly Options?: Maybe<Readonly<Record<string, string>>>;
    }[]
  >;
  readonly Ulimits?: Maybe<readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[]>;
}

export interface InspectedEndpoint {
  readonly Aliases?: Maybe<readonly string[]>;
  readonly IPAMConfig?: Maybe<{
    readonly IPv4Address?: string;
    readonly IPv6Address?: string;
    readonly LinkLocalIPs?: Maybe<readonly string[]>;
  }>;
  readonly DriverOpts?: Maybe<Readonly<Record<string, string>>>;
  readonly GwPriority?: Maybe<number>;
}

export interface InspectedContainer {
  readonly Id: string;
  /** With a slash in front. */
  readonly Name: string;
  /** Id of the image. */
  readonly Image: string;
  readonly Config: InspectedConfig;
  readonly HostConfig: InspectedHostConfig;
  readonly NetworkSettings?: Maybe<{
    readonly Networks?: Maybe<Readonly<Record<string, Maybe<InspectedEndpoint>>>>;
  }>;
}

export interface InspectedImage {
  readonly Id: string;
  readonly Config?: Maybe<InspectedConfig>;
}

export interface InspectedNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Driver?: Maybe<string>;
  readonly Options?: Maybe<Readonly<Record<string, string>>>;
  readonly Labels?: Maybe<Readonly<Record<string, string>>>;
  readonly Internal?: Maybe<boolean>;
  readonly Attachable?: Maybe<boolean>;
  readonly EnableIPv4?: Maybe<boolean>;
  readonly EnableIPv6?: Maybe<boolean>;
  readonly IPAM?: Maybe<{
    readonly Driver?: Maybe<string>;
    readonly Config?: Maybe<
      readonly {
        readonly Subnet?: string;
        readonly Gateway?: string;
        readonly IPRange?: string;
        readonly AuxiliaryAddresses?: Maybe<Readonly<Record<string, string>>>;
      }[]
    >;
  }>;
}

export interface InspectedVolume {
  readonly Name: string;
  readonly Driver?: Maybe<string>;
  readonly Labels?: Maybe<Readonly<Record<string, string>>>;
  readonly Options?: Maybe<Readonly<Record<string, string>>>;
}
