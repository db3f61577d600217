import {
  decimal,
  duration,
  hook,
  hosts,
  fileReferences,
  pairs,
  reservedDevices,
  text,
  textOrList,
  ulimits,
  wholeNumber,
  yesOrNo,
} from "./schema-common.ts";
import { choice, keys, list, oneOf, plain, type Schema } from "./schema-type.ts";

const updateConfig = keys({
  parallelism: wholeNumber,
  delay: duration,
  failure_action: text,
  monitor: duration,
  max_failure_ratio: decimal,
  order: oneOf("start-first", "stop-first"),
});

export const deploy: Schema = choice(
  plain("null"),
  keys({
    mode: text,
    endpoint_mode: text,
    replicas: wholeNumber,
    labels: pairs,
    rollback_config: updateConfig,
    update_config: updateConfig,
    resources: keys({
      limits: keys({ cpus: decimal, memory: text, pids: wholeNumber }),
      reservations: keys({
        cpus: decimal,
        memory: text,
        generic_resources: list(keys({ discrete_resource_spec: keys({ kind: text, value: decimal }) })),
        devices: reservedDevices,
      }),
    }),
    restart_policy: keys({
      condition: text,
      delay: duration,
      max_attempts: wholeNumber,
      window: duration,
    }),
    placement: keys({
      constraints: list(text),
      preferences: list(keys({ spread: text })),
      max_replicas_per_node: wholeNumber,
    }),
  }),
);

export const build: Schema = choice(
  plain("string"),
  keys({
    context: text,
    dockerfile: text,
    dockerfile_inline: text,
    entitlements: list(text),
    args: pairs,
    ssh: pairs,
    labels: pairs,
    cache_from: list(text),
    cache_to: list(text),
    no_cache: yesOrNo,
    no_cache_filter: textOrList,
    additional_contexts: pairs,
    network: text,
    provenance: yesOrNo,
    sbom: yesOrNo,
    pull: yesOrNo,
    target: text,
    shm_size: wholeNumber,
    extra_hosts: hosts,
    isolation: text,
    privileged: yesOrNo,
    secrets: fileReferences,
    tags: list(text),
    ulimits,
    platforms: list(text),
  }),
);

export const develop: Schema = choice(
  plain("null"),
  keys({
    watch: list(
      keys(
        {
          path: text,
          action: oneOf("rebuild", "sync", "restart", "sync+restart", "sync+exec"),
          target: text,
          exec: hook,
          include: textOrList,
          ignore: textOrList,
          initial_sync: plain("boolean"),
        },
        ["path", "action"],
      ),
    ),
  }),
);
