export {
  COMPOSE_PROBLEM_CODES,
  type ComposeProblemCode,
  formatKeyPath,
  type KeyPath,
  type Position,
  type Problem,
} from "./problem.ts";
export { type FileContents, withContents } from "./contents.ts";
export { checkDeployable, type DeployableInput } from "./deployable.ts";
export { renderCompose, renderDeployable, type RenderInput, type RenderOptions, type RenderOutput } from "./render.ts";
export { type Attachment, SourceTree } from "./source-tree.ts";
export { createRenderer, type Renderer } from "./renderer.ts";
export type { Rendered, RenderMode } from "./render-thread.ts";
