import type { Attachment, Rendered, Renderer, RenderInput as ComposeInput } from "../compose/index.ts";
import type { AttachedFile, ComposeRenderer, RenderInput, RenderOutput } from "./ports.ts";

// In the order of docker compose: the first that is there, with its override laid over it.
const USUAL_NAMES = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
// Each round reads what the one before was missing: an include in an include in an include.
const MAX_ROUNDS = 25;
// As much as one rendering may read.
const MAX_READ_BYTES = 12 * 1024 * 1024;

/** The renderer of the compose domain, for stacks: with the files that are not at hand as text. */
export function createComposeRenderer(renderer: Pick<Renderer, "render">): ComposeRenderer {
  return {
    render: (input) => renderWith((request) => renderer.render({ mode: "compose", input: request }), input),
    renderForHosts: (input) => renderWith((request) => renderer.render({ mode: "hosts", input: request }), input),
  };
}

/** Renders, reads the attachments whose texts were missing, and renders again. */
async function renderWith(
  render: (input: ComposeInput) => Promise<Rendered>,
  input: RenderInput,
): Promise<RenderOutput> {
  const attached = new Map((input.attachments?.files ?? []).map((file) => [file.path, file]));
  const files = new Map(Object.entries(input.files));
  const binary = new Set<string>();
  let read = 0;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { model, problems, wantedTexts } = await render(composeInput(input, files, binary));
    if (wantedTexts.length === 0) {
      const textsRead = [...attached.keys()].filter((path) => files.has(path));
      return { problems, textsRead, ...(model === undefined ? {} : { model }) };
    }
    for (const path of wantedTexts) {
      read += attached.get(path)?.sizeBytes ?? 0;
      if (read > MAX_READ_BYTES) return limit(`more than ${MAX_READ_BYTES} bytes of attached files are read as text`);
      const bytes = await input.attachments?.read(attached.get(path)?.digest ?? "");
      if (bytes === undefined) return notStored(path);
      const text = textOf(bytes);
      if (text === undefined) binary.add(path);
      else files.set(path, text);
    }
  }
  return limit(`attached files are read through more than ${MAX_ROUNDS} others`);
}

function composeInput(
  input: RenderInput,
  files: ReadonlyMap<string, string>,
  binary: ReadonlySet<string>,
): ComposeInput {
  const attached = input.attachments?.files ?? [];
  const has = (path: string): boolean => files.has(path) || attached.some((file) => file.path === path);
  return {
    projectName: input.projectName === "" ? undefined : input.projectName,
    workingDir: input.workingDirectory,
    files,
    composeFiles: composeFilesOf(input.composeFiles, has),
    environment: input.variables,
    profiles: input.profiles,
    attachments: new Map(
      attached
        .filter(({ path }) => !files.has(path))
        .map((file) => [file.path, attachment(file, binary.has(file.path))]),
    ),
    hostFolder: input.hostFolder === true,
  };
}

/** The compose files of a source in merge order: those that are named, else those of the usual names. */
export function composeFilesOf(named: readonly string[], has: (path: string) => boolean): readonly string[] {
  if (named.length > 0) return named;
  const name = USUAL_NAMES.find(has) ?? "compose.yaml";
  const override = name.replace(/\.(ya?ml)$/, ".override.$1");
  return has(override) ? [name, override] : [name];
}

function attachment({ kind, sizeBytes, linkTarget }: AttachedFile, binary: boolean): Attachment {
  return { kind, sizeBytes, linkTarget, binary };
}

function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function limit(why: string): RenderOutput {
  const [what, fix] = ["too many files are loaded", "use fewer include, extends and env files, or give them as text"];
  return refusal({ code: "WF_COMPOSE_LIMIT", file: "compose.yaml", what, why, fix });
}

function notStored(path: string): RenderOutput {
  const [what, why] = [`the file ${path} cannot be read`, "it is not stored, or not whole"];
  return refusal({ code: "WF_FILE_NOT_STORED", file: path, what, why, fix: "upload it first with files:putChunk" });
}

function refusal(
  problem: Pick<RenderOutput["problems"][number], "code" | "file" | "what" | "why" | "fix">,
): RenderOutput {
  return { problems: [{ severity: "error", line: 1, column: 1, keyPath: "", ...problem }], textsRead: [] };
}
