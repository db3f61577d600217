import type { Host, HostPlan, MetricSeries, Problem, Revision, StackSource } from "@windflow/proto/client";
import { builtServices, FIXTURE_ATTACHMENTS } from "./fixture-source.ts";
import { HELLO_EXAMPLE } from "../src/features/stacks/examples.ts";
import { ago } from "./fixture-hosts.ts";
import { sleep } from "./fixture-rows.ts";

export function render(source: StackSource): { problems: Problem[]; model?: object } {
  const [[file, text] = ["compose.yaml", ""]] = Object.entries(source.files ?? {});
  const lines = text.split("\n");
  const problems: Problem[] = lines.flatMap((line, index): Problem[] => {
    if (/^\s*imge:/.test(line))
      return [
        {
          severity: "SEVERITY_ERROR",
          code: "WF_COMPOSE_UNKNOWN_KEY",
          file,
          line: index + 1,
          column: line.search(/\S/) + 1,
          keyPath: "services.web.imge",
          what: "There is no key “imge” in a service.",
          why: "It would be ignored, and the service would have no image.",
          fix: "Did you mean “image”?",
        },
      ];
    if (/:latest/.test(line))
      return [
        {
          severity: "SEVERITY_WARNING",
          code: "WF_COMPOSE_LATEST",
          file,
          line: index + 1,
          column: line.search(/\S/) + 1,
          keyPath: "services.web.image",
          what: "The tag “latest” says nothing about what runs.",
          why: "The digest is pinned in the revision anyway.",
          fix: "Name a version.",
        },
      ];
    const wanted = /- (\.\/[\w./-]+):/.exec(line)?.[1];
    if (wanted !== undefined && !has(source, wanted.slice(2)))
      return [
        {
          severity: "SEVERITY_ERROR",
          code: "WF_COMPOSE_MISSING_FILE",
          file,
          line: index + 1,
          column: line.indexOf(wanted) + 1,
          keyPath: "services.web.volumes[0]",
          what: `The service mounts ${wanted}, and nothing is there.`,
          why: "A host has no other place to take it from.",
          fix: `Add the file or folder ${wanted} to the stack, or mount an absolute path of the host.`,
        },
      ];
    return /image:\s*$/.test(line)
      ? [
          {
            severity: "SEVERITY_ERROR",
            code: "WF_COMPOSE_EMPTY",
            file,
            line: index + 1,
            column: line.search(/\S/) + 1,
            keyPath: "services.web.image",
            what: "“image” has no value.",
            why: "A service needs an image.",
            fix: "Write one, e.g. nginx:1.29-alpine.",
          },
        ]
      : [];
  });
  return problems.some((problem) => problem.severity === "SEVERITY_ERROR")
    ? { problems }
    : {
        problems,
        model: {
          name: "shop",
          services: {
            web: {
              image: "nginx:1.29-alpine",
              ...(builtServices(source).length > 0 ? { build: { context: "/stack/app" } } : {}),
              networks: { default: null },
              ports: [{ mode: "ingress", target: 80, published: "8080", protocol: "tcp" }],
            },
          },
          networks: { default: { name: "shop_default" } },
        },
      };
}
const has = (source: StackSource, path: string): boolean =>
  [...Object.keys(source.files ?? {}), ...(source.attachments ?? []).map((one) => one.path ?? "")].some(
    (one) => one === path || one.startsWith(`${path}/`),
  );
export const needsBuild = (service: string): Problem => ({
  severity: "SEVERITY_ERROR",
  code: "WF_BUILD_NEEDED",
  keyPath: `services.${service}.build`,
  what: `The image of ${service} is not built from this source yet.`,
  why: "Hosts that do not build have nothing to run.",
  fix: "Build it first.",
});
/** As a host words it, in the text of its plan. */
const VOLUME_CHANGED =
  "warning: volume telemetry_buffer was created with other settings: it is kept as it is, with its data";
export function plan(host: Host, name: string, index: number): HostPlan {
  if (host.presence !== "PRESENCE_ONLINE")
    return { hostId: host.id, hostName: host.name, notReached: "Not reached, last observed at 14:02.", steps: [] };
  if (index === 2) return { hostId: host.id, hostName: host.name, steps: [], text: "", observedAt: ago(3) };
  const steps = [
    {
      op: "load-image",
      target: `${name}-worker`,
      cause: "It was built from the source; 2 of 5 layers are not on the host.",
    },
    {
      op: "pull-image",
      target: `registry.northwind.example/${name}/web:4.1.0`,
      cause: "The image is not on the host.",
    },
    { op: "create-container", target: `${name}-web-2`, cause: "The image of web changed; the new one starts first." },
    { op: "start-container", target: `${name}-web-2`, cause: "It was just created." },
    { op: "run-hook", target: `${name}-web-2 post_start`, cause: "The compose file asks for it after the start." },
    { op: "stop-container", target: `${name}-web-1`, cause: "Its replacement is healthy." },
    { op: "remove-container", target: `${name}-web-1`, cause: "It is replaced by web-2." },
    {
      op: "recreate-container",
      target: `${name}-db-1`,
      cause: "env POSTGRES_PASSWORD changed; its volume has one writer, so it stops first.",
    },
  ];
  const text = steps.map((step) => `${step.op.padEnd(20)} ${step.target.padEnd(44)} ${step.cause}`).join("\n");
  return {
    hostId: host.id,
    hostName: host.name,
    steps,
    text: name === "telemetry" ? `${text}\n${VOLUME_CHANGED}` : text,
    observedAt: ago(3),
    expectedDowntimeSeconds: { db: 4, worker: 2 },
  };
}
export function revision(number: number, whole: boolean): Revision {
  const messages = [
    "first cut",
    "add the counter",
    "publish on 8080",
    "health checks",
    "raise the memory limit of web",
    "new image of api",
    "rotate the database password",
  ];
  const text = HELLO_EXAMPLE.text
    .replace("1.29-alpine", `1.${22 + number}-alpine`)
    .replace("retries: 3", `retries: ${number}`);
  return {
    number,
    createdAt: ago((9 - number) * 88_000),
    createdBy: "camille@northwind.example",
    message: messages[number - 1] ?? "",
    bodyDigest: `sha256:${number}f3a9c1b2d4e5`,
    ...(whole
      ? {
          source: {
            files: { "compose.yaml": text, "conf/nginx.conf": "server {\n  listen 80;\n}\n" },
            attachments: FIXTURE_ATTACHMENTS.slice(0, number > 6 ? 3 : 2),
            variables: [
              { name: "HTTP_PORT", value: "8080", secret: false },
              { name: "DB_PASSWORD", value: "", secret: true },
            ],
          },
          model: {
            name: "hello",
            volumes: { buffer: { name: "telemetry_buffer" } },
            services: {
              web: { image: `nginx:1.${22 + number}-alpine` },
              worker: {},
              counter: { image: "redis:8-alpine" },
            },
          },
          builtServices: ["worker"],
          imageDigests: {
            [`nginx:1.${22 + number}-alpine`]: `sha256:${`5f${number}e3b1c9d7a`.repeat(7).slice(0, 64)}`,
            "hello-worker": `sha256:${`c0ffee${number}4`.repeat(8)}`,
          },
        }
      : {}),
  };
}
export function metrics(from: string, to: string, host: boolean): MetricSeries {
  const start = Date.parse(from);
  const count = 180;
  const step = (Date.parse(to) - start) / count;
  const atMs = Array.from({ length: count }, (_, index) => Math.round((start + index * step) / 1000) * 1000).filter(
    (_, index) => index < 95 || index > 110,
  );
  const wave = (base: number, swing: number, speed: number) =>
    atMs.map((at) =>
      Math.max(
        0,
        base +
          swing * Math.sin(at / (90_000 * speed)) +
          swing * 0.5 * Math.sin(at / (23_000 * speed)) +
          swing * 0.25 * Math.sin(at / 4_100),
      ),
    );
  const common = [
    { name: "cpu_percent", unit: "percent", values: wave(34, 14, 1) },
    { name: "memory_used_bytes", unit: "bytes", values: wave(4.1e9, 2e8, 3) },
  ];
  const traffic = [
    { name: "network_receive_bytes_per_second", unit: "bytes_per_second", values: wave(420_000, 300_000, 0.7) },
    { name: "network_transmit_bytes_per_second", unit: "bytes_per_second", values: wave(210_000, 120_000, 0.9) },
  ];
  const disk = [
    { name: "disk_read_bytes_per_second", unit: "bytes_per_second", values: wave(90_000, 80_000, 0.4) },
    { name: "disk_write_bytes_per_second", unit: "bytes_per_second", values: wave(310_000, 200_000, 0.5) },
  ];
  const own = [
    { name: "agent_cpu_ratio", unit: "ratio", values: wave(0.0012, 0.0004, 2) },
    { name: "agent_memory_bytes", unit: "bytes", values: wave(21.4e6, 4e5, 3) },
    { name: "agent_resident_bytes", unit: "bytes", values: wave(63e6, 4e5, 3) },
    { name: "agent_spool_bytes", unit: "bytes", values: wave(180_000, 40_000, 3) },
    { name: "agent_receive_bytes_per_second", unit: "bytes_per_second", values: wave(11, 2, 3) },
    { name: "agent_transmit_bytes_per_second", unit: "bytes_per_second", values: wave(46, 6, 3) },
  ];
  return {
    atMs,
    stepSeconds: step / 1000,
    columns: host ? [...common, ...disk, ...traffic, ...own] : [...common, ...traffic],
  };
}
export async function* logs(tail: number, signal: AbortSignal): AsyncGenerator<object> {
  const line = (index: number): object => ({
    at: new Date(Date.now() - Math.max(0, tail - index) * 700).toISOString(),
    stream: index % 17 === 5 ? "STREAM_STDERR" : "STREAM_STDOUT",
    text:
      index % 17 === 5
        ? `\u001b[33mWARN\u001b[0m slow query took ${200 + (index % 90)} ms: SELECT * FROM orders WHERE state = 'open'`
        : `\u001b[32mINFO\u001b[0m GET /api/orders/${4000 + index} 200 ${3 + (index % 40)} ms`,
  });
  const BATCH = 1_000;
  let index = 0;
  for (; index < tail; index += BATCH)
    yield { lines: Array.from({ length: Math.min(BATCH, tail - index) }, (_, at) => line(index + at)) };
  while (!signal.aborted) {
    yield { lines: [line((index += 1))] };
    await sleep(400);
  }
}
