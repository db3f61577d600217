import type { BuildTask } from "@windflow/proto/agent";
import type { BuildSettings } from "../engines/builds-engine.ts";

/** `build` of a service as the model has it: what of it an engine takes. */
interface ModelBuild {
  readonly args?: Readonly<Record<string, string | null>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly network?: string;
  readonly shm_size?: string | number;
  /** `name=address`. */
  readonly extra_hosts?: readonly string[];
  readonly ulimits?: Readonly<
    Record<string, number | { readonly single?: number; readonly soft?: number; readonly hard?: number }>
  >;
  readonly no_cache?: boolean;
  readonly pull?: boolean;
}

/** What the engine is asked for, of a task. The control plane has refused what no engine can honour. */
export function buildSettings(task: BuildTask): BuildSettings {
  const build = JSON.parse(Buffer.from(task.buildJson).toString() || "{}") as ModelBuild;
  const { target, network, shm_size: shmSize } = build;
  return {
    // An argument without a value is the Dockerfile's own default.
    arguments: Object.fromEntries(
      Object.entries(build.args ?? {}).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
    ),
    labels: build.labels ?? {},
    ...(target === undefined ? {} : { target }),
    ...(network === undefined ? {} : { network }),
    ...(shmSize === undefined ? {} : { shmBytes: Number(shmSize) }),
    extraHosts: (build.extra_hosts ?? []).map((entry) => entry.replace("=", ":")),
    ulimits: Object.entries(build.ulimits ?? {}).map(([name, limit]) => {
      if (typeof limit === "number") return { name, soft: limit, hard: limit };
      const soft = limit.soft ?? limit.single ?? 0;
      return { name, soft, hard: limit.hard ?? limit.single ?? soft };
    }),
    platform: task.platform,
    noCache: task.noCache || build.no_cache === true,
    pull: build.pull === true,
  };
}
