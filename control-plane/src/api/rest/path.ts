/** A path of google.api.http as Fastify and OpenAPI write it. */
export interface RestPath {
  /** `/v1/organizations/:organization/hosts/:host_id([^:/]+)::revoke` */
  readonly route: string;
  /** `/v1/organizations/{organization}/hosts/{host_id}:revoke` */
  readonly template: string;
  /** Names of the fields in the path. */
  readonly fields: readonly string[];
}

const VARIABLE = /\{(\w+)\}/g;

/**
 * Understands literals, `{field}` and a custom verb at the end. A verb needs the last variable to stop at a colon,
 * or `/hosts/x:revoke` would be the host "x:revoke".
 * Throws for the forms of google.api.http that no method of ours uses (`{field=…}`, `*`).
 */
export function restPath(pattern: string): RestPath {
  const [, head = "", verb = ""] = /^(.*?)(:[A-Za-z]+)?$/.exec(pattern) ?? [];
  if (/[=*:]/.test(head)) throw new TypeError(`the path ${pattern} has a form that is not supported`);
  const fields = [...head.matchAll(VARIABLE)].map((match) => match[1] ?? "");
  const stop = verb === "" ? "" : "([^:/]+)";
  return { route: `${head.replaceAll(VARIABLE, `:$1${stop}`)}${verb.replace(":", "::")}`, template: pattern, fields };
}
