import {
  createFileRegistry,
  fromBinary,
  getOption,
  hasOption,
  type DescExtension,
  type DescMethod,
  type FileRegistry,
} from "@bufbuild/protobuf";
import type { GenExtension } from "@bufbuild/protobuf/codegenv2";
import { FileDescriptorSetSchema, type MethodOptions } from "@bufbuild/protobuf/wkt";

/** Who may call a method, as its proto says. */
export type Access =
  | { readonly rule: "permission"; readonly permission: string }
  | { readonly rule: "public" }
  | { readonly rule: "signedIn" };

/** One way to call a method over HTTP, as google.api.http says. */
export interface HttpRule {
  readonly verb: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/v1/organizations/{organization}/hosts/{host_id}:revoke` */
  readonly path: string;
  /** `*`, the name of a field, or empty. */
  readonly body: string;
}

export interface CatalogMethod {
  /** `/windflow.api.v1.HostsService/ListHosts` */
  readonly path: string;
  readonly descriptor: DescMethod;
  /** Undefined: nobody may call it. */
  readonly access: Access | undefined;
  readonly http: HttpRule | undefined;
}

/** Everything that the buf image says about the services: the one definition of the API. */
export interface Catalog {
  readonly registry: FileRegistry;
  readonly methods: ReadonlyMap<string, CatalogMethod>;
}

export function readCatalog(image: Uint8Array): Catalog {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
  const accessOption = methodOption<{ rule: { case?: string; value?: unknown } }>(registry, "windflow.api.v1.access");
  const httpOption = methodOption<{ body: string; pattern: { case?: string; value?: unknown } }>(
    registry,
    "google.api.http",
  );
  const methods = new Map<string, CatalogMethod>();
  for (const file of registry.files) {
    for (const service of file.services) {
      for (const descriptor of service.methods) {
        const path = `/${service.typeName}/${descriptor.name}`;
        methods.set(path, {
          path,
          descriptor,
          access: accessOf(accessOption(descriptor)),
          http: ruleOf(httpOption(descriptor)),
        });
      }
    }
  }
  return { registry, methods };
}

function methodOption<Value>(registry: FileRegistry, name: string): (method: DescMethod) => Value | undefined {
  const extension: DescExtension | undefined = registry.getExtension(name);
  if (extension === undefined) throw new Error(`the image of the protos lacks the option ${name}`);
  const typed = extension as unknown as GenExtension<MethodOptions, Value>;
  return (method) => (hasOption(method, typed) ? (getOption(method, typed) as Value) : undefined);
}

function accessOf(option: { rule: { case?: string; value?: unknown } } | undefined): Access | undefined {
  if (option === undefined) return undefined;
  const { case: rule, value } = option.rule;
  if (rule === "permission" && typeof value === "string" && value !== "") return { rule, permission: value };
  if (rule === "public" && value === true) return { rule };
  if (rule === "signedIn" && value === true) return { rule };
  return undefined;
}

const VERBS: Record<string, HttpRule["verb"]> = {
  get: "GET",
  post: "POST",
  put: "PUT",
  patch: "PATCH",
  delete: "DELETE",
};

function ruleOf(
  option: { body: string; pattern: { case?: string; value?: unknown } } | undefined,
): HttpRule | undefined {
  const verb = VERBS[option?.pattern.case ?? ""];
  if (option === undefined || verb === undefined || typeof option.pattern.value !== "string") return undefined;
  return { verb, path: option.pattern.value, body: option.body };
}
