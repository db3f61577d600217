/** What a sentence of the control plane means beyond its words. */
export interface CauseMeaning {
  /** The new container was taken away and the one before it runs again. */
  putBack: boolean;
  /** A registry wants another sign-in, or one at all. */
  registry: boolean;
}
const PUT_BACK = /\bprevious (?:container|version)s?\b.*\b(?:runs?|running|started|put back|restored)\b/i;
const REGISTRY =
  /unauthori[sz]ed|authentication required|no basic auth credentials|pull access denied|denies access to|access to the resource is denied|incorrect username or password|WF_REGISTRY_/i;

export function meaningOf(cause: string | undefined): CauseMeaning {
  const text = cause ?? "";
  return { putBack: PUT_BACK.test(text), registry: REGISTRY.test(text) };
}
