import { defineErrors, type ErrorCode } from "../platform/index.ts";

export const containersErrors: Record<ContainersCode, ErrorCode> = defineErrors({
  WF_CONTAINER_STREAM_REFUSED: {
    kind: "precondition",
    title: "The host refused or ended the stream",
    fix: "The detail has the host's own reason; look at the container's state and at `windflow-agent doctor` on the host.",
  },
  WF_CONTAINER_GONE: {
    kind: "notFound",
    title: "The host has no such container any more",
    fix: "Read the list of containers again; a redeployed service has containers with new ids.",
  },
  WF_HOST_SHELL_NOT_ALLOWED: {
    kind: "precondition",
    title: "The host does not allow a shell",
    fix: "Install its agent with --allow-host-shell if people may have a shell there.",
  },
});

type ContainersCode = "WF_CONTAINER_STREAM_REFUSED" | "WF_CONTAINER_GONE" | "WF_HOST_SHELL_NOT_ALLOWED";
