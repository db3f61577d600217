import { ANY_KEY, NAME, options, pairs, text, textOrList, yesOrNo } from "./schema-common.ts";
import { service } from "./schema-service.ts";
import { choice, keys, list, type MapSchema, named, onlyKeys, plain } from "./schema-type.ts";

const external = choice(plain("boolean", "string"), keys({ name: text }));

// The schema of these two does not close the old form.
const looseExternal = choice(plain("boolean", "string"), { ...keys({ name: text }), open: true });

const network = keys({
  name: text,
  driver: text,
  driver_opts: options,
  ipam: keys({
    driver: text,
    config: list(
      keys({
        subnet: text,
        ip_range: text,
        gateway: text,
        aux_addresses: named(ANY_KEY, text),
      }),
    ),
    options: named(ANY_KEY, text),
  }),
  external,
  internal: yesOrNo,
  enable_ipv4: yesOrNo,
  enable_ipv6: yesOrNo,
  attachable: yesOrNo,
  labels: pairs,
});

const volume = keys({ name: text, driver: text, driver_opts: options, external, labels: pairs });

const secret = keys({
  name: text,
  environment: text,
  file: text,
  external: looseExternal,
  labels: pairs,
  driver: text,
  driver_opts: options,
  template_driver: text,
});

const config = keys({
  name: text,
  content: text,
  environment: text,
  file: text,
  external: looseExternal,
  labels: pairs,
  template_driver: text,
});

const languageModel = keys(
  {
    name: text,
    model: text,
    context_size: plain("integer"),
    runtime_flags: list(text),
  },
  ["model"],
);

/** Every key of a Compose file in the current Compose specification. */
export const composeFile: MapSchema = keys({
  version: text,
  name: text,
  include: list(choice(plain("string"), onlyKeys({ path: textOrList, env_file: textOrList, project_directory: text }))),
  services: named(NAME, service),
  models: named(NAME, languageModel),
  networks: named(NAME, choice(plain("null"), network), true),
  volumes: named(NAME, choice(plain("null"), volume)),
  secrets: named(NAME, secret),
  configs: named(NAME, config),
});
