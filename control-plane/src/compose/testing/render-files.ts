import { type RenderInput, renderCompose, type RenderOptions, type RenderOutput } from "../render.ts";

/** Renders files of a stack in `/stacks/shop`; the first one is the compose file. */
export function renderFiles(
  files: Readonly<Record<string, string>>,
  more: Partial<RenderInput> = {},
  options: RenderOptions = {},
): RenderOutput {
  return renderCompose(inputOf(files, more), options);
}

export function inputOf(files: Readonly<Record<string, string>>, more: Partial<RenderInput> = {}): RenderInput {
  return {
    projectName: undefined,
    workingDir: "/stacks/shop",
    files: new Map(Object.entries(files)),
    composeFiles: Object.keys(files).slice(0, 1),
    environment: {},
    profiles: [],
    ...more,
  };
}

/** One line a problem: `error compose.yaml:3:5 services.web.image: what`. */
export function problemLines({ problems }: Pick<RenderOutput, "problems">): string[] {
  return problems.map(
    ({ severity, file, line, column, keyPath, what }) => `${severity} ${file}:${line}:${column} ${keyPath}: ${what}`,
  );
}
