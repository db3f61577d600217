import { canonicalRegistry, namesRegistry } from "@windflow/core";

/** Credentials for one registry, without the password. */
export interface Registry {
  readonly id: string;
  readonly organizationId: string;
  /** As `canonicalRegistry` writes it. */
  readonly address: string;
  readonly username: string;
  readonly version: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What a registry is signed in to with. */
export interface RegistryCredential {
  readonly address: string;
  readonly username: string;
  readonly password: string;
}

export type CheckedAddress = { readonly address: string } | { readonly fault: string };

const HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])$/;
const LARGEST_PORT = 65_535;

/** The address in its one spelling, or what is wrong with it and what to write instead. */
export function checkedAddress(written: string): CheckedAddress {
  const text = written.trim().toLowerCase();
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//.exec(text)?.[0] ?? "";
  const rest = text.slice(scheme.length);
  const slash = rest.search(/[/?#]/);
  const bare = slash < 0 ? rest : rest.slice(0, slash);
  const [, host = "", port] = /^(.*?)(?::([0-9]+))?$/.exec(bare) ?? [];
  const isAddress = HOST.test(host) && (port === undefined || (Number(port) >= 1 && Number(port) <= LARGEST_PORT));
  if (!isAddress)
    return {
      fault: 'is no address: write a host name and, when it is not 443, a port, as in "registry.example.com:5000"',
    };
  if (scheme !== "") return { fault: `has "${scheme}" in front: write "${bare}"` };
  if (slash >= 0)
    return { fault: `has a path: write "${bare}"; one credential holds for every repository of a registry` };
  // Docker would read the first part of such an image name as a namespace of Docker Hub.
  if (!namesRegistry(bare))
    return { fault: `is no address that an image name can begin with: write "${bare}:443", or the full host name` };
  return { address: canonicalRegistry(bare) };
}
