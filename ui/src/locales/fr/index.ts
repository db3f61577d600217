import type { Messages } from "../en/index.ts";
import { app } from "./app.ts";
import { containers } from "./containers.ts";
import { hosts } from "./hosts.ts";
import { rollouts } from "./rollouts.ts";
import { stacks } from "./stacks.ts";
import { tokens } from "./tokens.ts";

export const fr: Messages = { ...app, ...hosts, ...stacks, ...rollouts, ...containers, ...tokens };
