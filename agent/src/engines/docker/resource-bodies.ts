import type { ComposeNetwork, ComposeVolume } from "@windflow/core";
import type Docker from "dockerode";
import { compact } from "./units.ts";

/** Body of `POST /networks/create`. */
export function networkBody(
  name: string,
  network: ComposeNetwork,
  labels: Readonly<Record<string, string>>,
): Docker.NetworkCreateOptions {
  return compact({
    Name: name,
    Driver: network.driver ?? "bridge",
    Options: network.driver_opts,
    Internal: network.internal,
    Attachable: network.attachable,
    EnableIPv4: network.enable_ipv4,
    EnableIPv6: network.enable_ipv6,
    IPAM: network.ipam && {
      ...(network.ipam.driver === undefined ? {} : { Driver: network.ipam.driver }),
      Config: (network.ipam.config ?? []).map((entry) =>
        compact({
          Subnet: entry.subnet,
          Gateway: entry.gateway,
          IPRange: entry.ip_range,
          AuxiliaryAddresses: entry.aux_addresses,
        }),
      ),
    },
    Labels: { ...labels },
  }) as unknown as Docker.NetworkCreateOptions;
}

/** Body of `POST /volumes/create`. */
export function volumeBody(
  name: string,
  volume: ComposeVolume,
  labels: Readonly<Record<string, string>>,
): Docker.VolumeCreateOptions {
  return compact({ Name: name, Driver: volume.driver, DriverOpts: volume.driver_opts, Labels: { ...labels } });
}
