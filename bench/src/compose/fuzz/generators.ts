import type { Stack } from "../tool.ts";
import { changedCase, realSources } from "./changes.ts";
import { formCase } from "./forms.ts";
import { KEY_CASES, keyCase } from "./keys.ts";
import { layerCase } from "./layers.ts";
import { Random } from "./random.ts";
import { envFileCase, variableCase } from "./variables.ts";
import { yamlCase } from "./yaml.ts";

export interface Wish {
  readonly seed: number;
  readonly count: number;
  /** A folder of real files, for the generator that changes some; without it that one makes none. */
  readonly corpus: string | undefined;
}

type Generator = (wish: Wish) => Iterable<Stack>;

/** Each yields as many stacks as wished, the same for the same seed. */
export const GENERATORS: Readonly<Record<string, Generator>> = {
  keys: by((random) => keyCase(random.below(KEY_CASES))),
  forms: by(formCase),
  variables: by(variableCase),
  "env-files": by(envFileCase),
  yaml: by(yamlCase),
  layers: by(layerCase),
  changes: (wish) => {
    const sources = wish.corpus === undefined ? [] : realSources(wish.corpus);
    return sources.length === 0 ? [] : by((random) => changedCase(random, sources))(wish);
  },
};

function by(make: (random: Random) => Stack): Generator {
  return function* ({ seed, count }) {
    const random = new Random(seed);
    for (let i = 0; i < count; i++) yield make(random);
  };
}
