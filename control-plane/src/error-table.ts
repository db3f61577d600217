import { adoptionErrors } from "./adoption/index.ts";
import { agentsErrors } from "./agents/index.ts";
import { buildsErrors } from "./builds/index.ts";
import { containersErrors } from "./containers/index.ts";
import { driftErrors } from "./drift/index.ts";
import { filesErrors } from "./files/index.ts";
import { hostsErrors } from "./hosts/index.ts";
import { imagesErrors } from "./images/index.ts";
import { identityErrors } from "./identity/index.ts";
import { linksErrors } from "./links/index.ts";
import { commonErrors, startErrors, type ErrorCode } from "./platform/index.ts";
import { registriesErrors } from "./registries/index.ts";
import { rolloutsErrors } from "./rollouts/index.ts";
import { stacksErrors } from "./stacks/index.ts";
import { updatesErrors } from "./updates/index.ts";
import { windowsErrors } from "./windows/index.ts";

/** The codes of every domain: each stands once, and each stands in docs/errors.md. */
export const errorTable: readonly ErrorCode[] = [
  commonErrors,
  startErrors,
  identityErrors,
  filesErrors,
  hostsErrors,
  registriesErrors,
  windowsErrors,
  linksErrors,
  agentsErrors,
  buildsErrors,
  imagesErrors,
  stacksErrors,
  rolloutsErrors,
  containersErrors,
  adoptionErrors,
  driftErrors,
  updatesErrors,
].flatMap((codes) => Object.values<ErrorCode>(codes));
