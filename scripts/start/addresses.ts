import { hostname, networkInterfaces } from "node:os";

/** Names and addresses that other machines may reach this one by, best first. Link-local addresses do not count. */
export function reachableNames(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter((entry) => !entry.internal && !/^(fe80|169\.254)/i.test(entry.address));
  const v4 = addresses.filter((entry) => entry.family === "IPv4").map((entry) => entry.address);
  const v6 = addresses.filter((entry) => entry.family === "IPv6").map((entry) => entry.address);
  return [...v4, hostname(), ...v6];
}
