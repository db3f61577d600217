import { defineErrors, type ErrorCode } from "../platform/index.ts";

/** What registries answer. The first three travel with answers of hosts and in warnings instead of a status. */
export const registriesErrors: Record<RegistriesCode, ErrorCode> = defineErrors({
  WF_REGISTRY_UNAUTHORIZED: {
    kind: "precondition",
    title: "The registry refused the credentials, or wants some and there are none",
    fix: "Correct the username and password (or access token) of this registry in Settings → Registries, and test them there.",
  },
  WF_IMAGE_NOT_FOUND: {
    kind: "notFound",
    title: "The registry has no such image",
    fix: "Correct the name or the tag in the compose file, or push the image.",
  },
  WF_REGISTRY_UNREACHABLE: {
    kind: "unavailable",
    title: "The registry cannot be reached, or not trusted, from the host",
    fix: "The sentence beside it says which: the name, the network, or the certificate that the host's engine does not trust.",
  },
  WF_REGISTRY_NO_HOST: {
    kind: "precondition",
    title: "No host is connected that could try the registry",
    fix: "Connect and approve a host; credentials are tried from the engine of one, which has to take them.",
  },
});

type RegistriesCode =
  | "WF_REGISTRY_UNAUTHORIZED"
  | "WF_IMAGE_NOT_FOUND"
  | "WF_REGISTRY_UNREACHABLE"
  | "WF_REGISTRY_NO_HOST";
