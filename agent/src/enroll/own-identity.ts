import { AgentError } from "../errors.ts";
import { becomeOwn } from "./become-own.ts";
import { type Identity, loadIdentity } from "./identity.ts";

/** Who this host is; one that was ready to take the place of another takes it. @throws AgentError WF_NOT_ENROLLED, WF_STATE_UNREADABLE */
export function ownIdentity(stateDir: string): Identity {
  becomeOwn(stateDir);
  const identity = loadIdentity(stateDir);
  if (identity !== undefined) return identity;
  throw new AgentError(
    "WF_NOT_ENROLLED",
    `This host is not enrolled: there is no identity in ${stateDir}. Run "windflow-agent enroll" with the line from the control plane's page.`,
  );
}
