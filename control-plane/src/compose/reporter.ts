import { MAX_PROBLEMS } from "./limits.ts";
import { ComposeFailure, type Problem } from "./problem.ts";

/** Gathers problems, and ends the rendering when going on would only produce consequences of earlier ones. */
export class Reporter {
  readonly #problems: Problem[] = [];
  #errors = 0;

  /** @throws ComposeFailure once nobody would read more */
  readonly report = (problem: Problem): void => {
    if (problem.severity === "error") this.#errors += 1;
    if (this.#errors >= MAX_PROBLEMS) throw new ComposeFailure(problem);
    if (this.#problems.length < MAX_PROBLEMS || problem.severity === "error") {
      this.#problems.push(problem);
    }
  };

  /** @throws Stopped when an error was reported */
  readonly stopOnErrors = (): void => {
    if (this.#errors > 0) throw new Stopped();
  };

  get problems(): readonly Problem[] {
    return this.#problems;
  }
}

/** Ends a rendering whose problems are all reported already. */
export class Stopped extends Error {
  constructor() {
    super("the rendering has errors");
    this.name = "Stopped";
  }
}
