/** What a sentence of the control plane means beyond its words. */
export interface CauseMeaning {
  /** The new container was taken away, and the one before it runs again or is being started. */
  putBack: "done" | "underWay" | undefined;
  /** A registry wants another sign-in, or one at all. */
  registry: boolean;
}
const PUT_BACK = /\bprevious container\b[^;]*\b(?:(runs again)|is started again)\b/i;
const REGISTRY =
  /unauthori[sz]ed|authentication required|no basic auth credentials|pull access denied|denies access to|access to the resource is denied|incorrect username or password|WF_REGISTRY_/i;

export function meaningOf(cause: string | undefined): CauseMeaning {
  const text = cause ?? "";
  const back = PUT_BACK.exec(text);
  const putBack = back === null ? undefined : back[1] === undefined ? "underWay" : "done";
  return { putBack, registry: REGISTRY.test(text) };
}
