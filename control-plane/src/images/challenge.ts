/** What a registry wants to be asked with, from its `WWW-Authenticate`. */
export type Challenge =
  | { readonly scheme: "basic" }
  | { readonly scheme: "bearer"; readonly realm: string; readonly service: string; readonly scope: string };

/** The challenge that we can answer: a token before a password; undefined when there is none. */
export function readChallenge(header: string): Challenge | undefined {
  const bearer = /(?:^|[\s,])bearer\s+(.*)$/is.exec(header)?.[1];
  if (bearer !== undefined) {
    const parameters = new Map(
      [...bearer.matchAll(/([a-z]+)="([^"]*)"/gi)].map(([, name = "", value = ""]) => [name.toLowerCase(), value]),
    );
    const realm = parameters.get("realm") ?? "";
    if (realm !== "")
      return {
        scheme: "bearer",
        realm,
        service: parameters.get("service") ?? "",
        scope: parameters.get("scope") ?? "",
      };
  }
  return /(?:^|[\s,])basic\b/i.test(header) ? { scheme: "basic" } : undefined;
}
