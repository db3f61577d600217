import { type DesiredStack, StackBody, type StackFile } from "@windflow/proto/agent";

/** An entry of a desired state for a stack of which nothing special is wanted. */
export function wantedStack(
  stack: Pick<DesiredStack, "stackId" | "revision" | "bodyDigest"> & Partial<DesiredStack>,
): DesiredStack {
  return {
    adoptedContainerIds: [],
    attempt: "",
    recreateVolumes: [],
    policy: undefined,
    probes: [],
    correct: "",
    overrideHold: false,
    ...stack,
  };
}

/** A body with one busybox service, as the control plane would encode it. */
export function stackBody(over: {
  readonly stackId?: string;
  readonly stackName?: string;
  readonly revision?: number;
  readonly service?: Readonly<Record<string, unknown>>;
  readonly model?: Readonly<Record<string, unknown>>;
  readonly secrets?: readonly string[];
  readonly files?: readonly (Partial<StackFile> & Pick<StackFile, "path">)[];
  readonly composeFiles?: readonly string[];
}): Uint8Array {
  const project = over.stackName ?? "shop";
  const model = {
    name: project,
    services: {
      web: {
        image: "wf/busybox:1",
        command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"],
        entrypoint: null,
        restart: "unless-stopped",
        networks: { default: null },
        ...over.service,
      },
    },
    networks: { default: { name: `${project}_default`, ipam: {} } },
    ...over.model,
  };
  return StackBody.encode({
    stackId: over.stackId ?? "stk_1",
    stackName: project,
    project,
    revision: over.revision ?? 1,
    modelJson: Buffer.from(JSON.stringify(model)),
    files: (over.files ?? []).map((file) => ({
      digest: "",
      content: new Uint8Array(),
      sizeBytes: BigInt(file.content?.length ?? 0),
      mode: 0o644,
      uid: 0,
      gid: 0,
      linkTarget: "",
      folder: false,
      ...file,
    })),
    images: [],
    secrets: [...(over.secrets ?? [])],
    privilegedServices: [],
    composeFiles: [...(over.composeFiles ?? [])],
  }).finish();
}
