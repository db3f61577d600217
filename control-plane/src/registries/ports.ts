import type { Caller, UnitOfWork } from "../platform/index.ts";
import type { RegistryCredential } from "./model.ts";

export interface AuditTrail {
  record(
    tx: UnitOfWork,
    caller: Caller,
    act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
  ): Promise<void>;
}

/** What the engine of a host said of a sign-in. */
export interface SignInOutcome {
  /** Empty when the registry took the credentials; else what happened and what to do. */
  readonly problem: string;
  readonly hostId: string;
  readonly hostName: string;
}

/** The way to a registry, which only hosts know: signing in from the engine of one. */
export interface RegistryTester {
  /**
   * @param hostId empty takes any connected host. Throws a ProblemError when there is no host to ask, or it does not answer.
   */
  signIn(
    caller: Caller,
    wanted: { readonly hostId: string; readonly credential: RegistryCredential; readonly signal: AbortSignal },
  ): Promise<SignInOutcome>;
}
