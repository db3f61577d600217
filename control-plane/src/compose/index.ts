export {
  COMPOSE_PROBLEM_CODES,
  type ComposeProblemCode,
  formatKeyPath,
  type KeyPath,
  type Position,
  type Problem,
} from "./problem.ts";
export { renderCompose, type RenderInput, type RenderOptions, type RenderOutput } from "./render.ts";
