import { fileUses, substituteSecrets, type ComposeService, type DesiredStack, type FileUse } from "@windflow/core";
import type { ContainerFile, FileContent } from "./engine.ts";
import type { SecretText } from "./secret-text.ts";

const SECRETS_FOLDER = "/run/secrets";
const DEFAULT_MODE = 0o444;

/** Configs and secrets of a service as files to be copied into its container. */
export async function containerFiles(
  stack: DesiredStack,
  service: ComposeService,
  secretText: SecretText,
  files: (stack: DesiredStack, digest: string) => Promise<FileContent | undefined>,
): Promise<ContainerFile[]> {
  return Promise.all(
    fileUses(stack, service).map(async (use) => ({
      path: targetOf(use),
      content: await contentOf(stack, use, secretText, files),
      uid: idOf(use.reference.uid),
      gid: idOf(use.reference.gid),
      mode: use.reference.mode === undefined ? DEFAULT_MODE : Number.parseInt(use.reference.mode, 8),
    })),
  );
}

async function contentOf(
  stack: DesiredStack,
  { kind, reference, object }: FileUse,
  secretText: SecretText,
  files: (stack: DesiredStack, digest: string) => Promise<FileContent | undefined>,
): Promise<FileContent> {
  if (object.content !== undefined) return Buffer.from(substituteSecrets(object.content, secretText));
  if (object.file === undefined)
    throw new Error(`${kind} ${reference.source} has no content in this revision: give it a file or a content`);
  const digest = stack.files[object.file];
  const content = digest === undefined ? undefined : await files(stack, digest);
  if (content === undefined)
    throw new Error(`${kind} ${reference.source}: the file ${object.file} was not delivered to this host`);
  return content;
}

function targetOf({ kind, reference }: FileUse): string {
  const target = reference.target ?? reference.source;
  if (target.startsWith("/")) return target;
  return kind === "secret" ? `${SECRETS_FOLDER}/${target}` : `/${target}`;
}

function idOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const id = Number(text);
  if (!Number.isSafeInteger(id) || id < 0) throw new Error(`${text} is no numeric user or group id`);
  return id;
}
