import {
  renderCompose,
  renderDeployable,
  type RenderInput as ComposeInput,
  type RenderOutput,
} from "../compose/index.ts";
import type { ComposeRenderer, RenderInput, RenderOutput as RenderedModel } from "./ports.ts";

// In the order of docker compose: the first that is there, with its override laid over it.
const USUAL_NAMES = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/** The renderer of the compose domain, for stacks. */
export const composeRenderer: ComposeRenderer = {
  render: async (input) => outputOf(renderCompose(composeInput(input))),
  renderForHosts: async (input) => outputOf(renderDeployable(composeInput(input))),
};

function outputOf({ model, problems }: RenderOutput): RenderedModel {
  return { problems, ...(model === undefined ? {} : { model }) };
}

function composeInput(input: RenderInput): ComposeInput {
  return {
    projectName: input.projectName === "" ? undefined : input.projectName,
    workingDir: input.workingDirectory,
    files: new Map(Object.entries(input.files)),
    composeFiles: input.composeFiles.length > 0 ? input.composeFiles : usualFiles(input.files),
    environment: input.variables,
    profiles: input.profiles,
  };
}

function usualFiles(files: Readonly<Record<string, string>>): string[] {
  const name = USUAL_NAMES.find((candidate) => Object.hasOwn(files, candidate)) ?? "compose.yaml";
  const override = name.replace(/\.(ya?ml)$/, ".override.$1");
  return Object.hasOwn(files, override) ? [name, override] : [name];
}
