import { app } from "./app.ts";
import { arrivals } from "./arrivals.ts";
import { containers } from "./containers.ts";
import { discovered } from "./discovered.ts";
import { drift } from "./drift.ts";
import { explorer } from "./explorer.ts";
import { files } from "./files.ts";
import { fleet } from "./fleet.ts";
import { hosts } from "./hosts.ts";
import { links } from "./links.ts";
import { registries } from "./registries.ts";
import { rollouts } from "./rollouts.ts";
import { stacks } from "./stacks.ts";
import { tokens } from "./tokens.ts";
import { updates } from "./updates.ts";

export const en = {
  ...app,
  ...hosts,
  ...stacks,
  ...rollouts,
  ...containers,
  ...tokens,
  ...files,
  ...registries,
  ...discovered,
  ...fleet,
  ...drift,
  ...explorer,
  ...arrivals,
  ...updates,
  ...links,
};

type Widened<T> = { [Key in keyof T]: T[Key] extends string ? string : Widened<T[Key]> };
/** Every language has these keys; another set does not compile. */
export type Messages = Widened<typeof en>;
