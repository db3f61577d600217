// Files over, under and in one another: overrides, extends, include, resets, profiles, dependencies.
import type { Stack } from "../tool.ts";
import type { Random } from "./random.ts";

/** Keys of a service with several values each, in short and long forms. */
const SERVICE: Readonly<Record<string, readonly string[]>> = {
  image: ["x", "y:2"],
  command: ["run it", "[a, b]", "null", "[]"],
  entrypoint: ["/e", "[e]", '""'],
  environment: ["{A: 1, B: 2}", "[A=3, C]", "{A: null}", "[]", "[D=x=y]"],
  labels: ["{l: 1}", '["l=2", m]', "{}"],
  ports: [
    '["80:80"]',
    '["81:81", "80:80/udp"]',
    "[{target: 80, published: 8080}]",
    "[80]",
    '["127.0.0.1:80:80"]',
    '["8000-8001:9000-9001"]',
  ],
  volumes: [
    '["v:/v"]',
    '["./a:/v:ro", "/anon"]',
    "[{type: bind, source: ./z, target: /v}]",
    '["w:/w", "v:/v:ro"]',
    "[{type: tmpfs, target: /t, tmpfs: {size: 1m}}]",
  ],
  networks: ["[n]", "{n: {aliases: [q]}, m: }", "{m: {priority: 5}}", "{n: {aliases: [r, q]}}", "[]"],
  depends_on: [
    "[b]",
    "{b: {condition: service_healthy}}",
    "{c: {condition: service_started, required: false}}",
    "[b, c]",
    "{b: {condition: service_completed_successfully, restart: true}}",
  ],
  cap_add: ["[X]", "[Y, X]"],
  dns: ["1.1.1.1", "[2.2.2.2, 1.1.1.1]"],
  dns_search: ["a", "[b, a]"],
  expose: ["[1]", '["2", 1]'],
  logging: [
    "{driver: json-file, options: {a: b}}",
    "{options: {c: d}}",
    "{driver: syslog, options: {e: f}}",
    "{driver: json-file}",
  ],
  healthcheck: ["{test: t, retries: 3}", "{interval: 5s}", "{disable: true}", "{test: [CMD, u]}", "{test: [NONE]}"],
  extra_hosts: ['["h:1.1.1.1"]', "{h: 2.2.2.2, i: 3.3.3.3}", '["h=1.1.1.1"]', "{h: [4.4.4.4]}"],
  secrets: ["[s]", "[{source: t, target: s}]", "[s, t]"],
  configs: ["[c]", "[{source: c, target: /c}]"],
  tmpfs: ["/t", "[/u, /t]"],
  ulimits: ["{nofile: 5}", "{nofile: {soft: 1, hard: 2}, nproc: 3}"],
  deploy: [
    "{replicas: 2}",
    "{labels: {x: 1}}",
    "{resources: {limits: {cpus: '1'}, reservations: {memory: 1g}}}",
    "{labels: [y=2]}",
    "{placement: {constraints: [a]}}",
    "{resources: {reservations: {devices: [{capabilities: [gpu], count: 1}]}}}",
    "{restart_policy: {condition: any}}",
  ],
  env_file: ["e.env", "[{path: f.env, required: false}]", "[e.env, f.env]"],
  sysctls: ["{q: 1}", "[r=2]"],
  build: [
    ".",
    "{context: ./d, args: {A: 1}}",
    "{args: [B=2], dockerfile: D}",
    "{target: t, tags: [a]}",
    "{dockerfile_inline: FROM x}",
    "{context: ., secrets: [s], ssh: [default]}",
  ],
  devices: ['["/a:/b"]', '["/c:/b:r"]', "[{source: /d, target: /b}]"],
  profiles: ["[p]", "[q, p]", "[]"],
  container_name: ["name1", "name2"],
  annotations: ["{a: 1}", "[a=2, b=3]"],
  group_add: ["[1]", "[g, 1]"],
  scale: ["2", "1", "0"],
  network_mode: ["host", "service:b", "none"],
  init: ["true", "false"],
  user: ["u", '"0"'],
  restart: ["always", '"no"'],
  security_opt: ["[a]", "[b, a]"],
  storage_opt: ["{size: 1g}"],
  blkio_config: [
    "{weight: 5}",
    "{weight_device: [{path: /a, weight: 1}]}",
    "{device_read_bps: [{path: /a, rate: 1m}]}",
    "{weight_device: [{path: /b, weight: 2}]}",
  ],
  develop: ["{watch: [{path: ., action: rebuild}]}", "{watch: [{path: ., action: sync, target: /x}]}"],
  post_start: ["[{command: a}]", "[{command: [b, c], user: u}]"],
  models: ["[mo]", "{mo: {endpoint_var: E}}"],
  "x-foo": ["{a: 1}", "[1]", "z", "{b: [2]}"],
  links: ["[b]", '["b:al"]'],
  label_file: ["l.env", "[l.env]"],
  gpus: ["all", "[{count: 1}]"],
  mem_limit: ["1g", "512m"],
  cpus: ["1", "'0.5'"],
  pid: ["host", "service:b"],
  ipc: ["shareable", "service:c"],
  volumes_from: ["[b]", '["c:ro"]'],
  credential_spec: ["{file: f}", "{config: c}"],
  pull_policy: ["always"],
  provider: ["{type: p, options: {a: b}}", "{type: p, options: {c: [d]}}"],
};

const TOP: Readonly<Record<string, readonly string[]>> = {
  networks: [
    "{n: , m: }",
    "{n: {driver: d, labels: {a: 1}}, m: {}}",
    "{n: {ipam: {config: [{subnet: 10.0.0.0/24}]}}, m: }",
    "{n: {external: true}, m: {labels: [b=2]}}",
    "{n: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}, {subnet: 10.1.0.0/24}]}}, m: }",
    "{n: {name: real, driver_opts: {k: 1}}, m: }",
  ],
  volumes: [
    "{v: , w: }",
    "{v: {driver: d, driver_opts: {o: 1}}, w: {}}",
    "{v: {external: true}, w: {labels: {a: 1}}}",
    "{v: {labels: [b=2]}, w: {name: x}}",
    "{v: {driver_opts: {type: none, o: bind, device: ./dev}}, w: }",
  ],
  secrets: [
    "{s: {file: ./s}, t: {environment: E}}",
    "{s: {external: true}, t: {file: t}}",
    "{s: {environment: HOME}, t: {file: t, labels: {a: 1}}}",
  ],
  configs: ["{c: {content: text}}", "{c: {file: ./c}}", "{c: {external: true, name: cc}}", "{c: {environment: HOME}}"],
  models: ["{mo: {model: a}}", "{mo: {model: b, context_size: 5, runtime_flags: [x]}}"],
};

function serviceBody(random: Random, share: number, resets: boolean): string {
  const entries = random.some(Object.keys(SERVICE), share).map((key) => {
    const value = random.pick(SERVICE[key] ?? [""]);
    if (!resets || !random.chance(0.15)) return `${key}: ${value}`;
    return random.chance(0.5)
      ? `${key}: !override ${value}`
      : `${key}: !reset ${random.pick(["null", "[]", "{}", value])}`;
  });
  return entries.join(", ");
}

function sections(random: Random): string[] {
  return Object.entries(TOP).map(([section, values]) => `${section}: ${random.pick(values)}`);
}

function services(random: Random, extending: readonly string[], resets: boolean): string {
  const share = random.pick([0.04, 0.08, 0.2]);
  const lines = ["a", "b", "c"].map((name) => {
    const body = serviceBody(random, share, resets);
    const image = /(^|, )(image|build|provider):/.test(body) || resets ? "" : "image: base, ";
    const clause = extending.length > 0 && random.chance(0.4) ? `extends: ${random.pick(extending)}, ` : "";
    return `  ${name}: {${clause}${image}${body}}`;
  });
  return `services:\n${lines.join("\n")}\n`;
}

const EXTENDS = [
  "b",
  "c",
  "{service: a, file: base.yaml}",
  "{service: b, file: base.yaml}",
  "{service: c}",
  "{service: a, file: sub/deep.yaml}",
  "{service: zz}",
  "{service: a, file: missing.yaml}",
];
const INCLUDES = [
  "[inc.yaml]",
  "[sub/inc.yaml]",
  "[{path: inc.yaml}]",
  "[{path: [inc.yaml, inc2.yaml]}]",
  "[{path: sub/inc.yaml, project_directory: .}]",
  "[{path: inc.yaml, env_file: i.env}]",
  "[{path: sub/inc.yaml, env_file: [i.env]}]",
  "[inc.yaml, inc.yaml]",
  "[inc.yaml, sub/inc.yaml]",
  "[missing.yaml]",
  "[{path: sub/inc.yaml, project_directory: sub}]",
  "[{path: ./sub/../inc.yaml}]",
  "[sub/deep.yaml]",
];
const INCLUDED = [
  "services: {i: {image: plain}}\n",
  "services: {i2: {image: plain, env_file: [{path: e.env, required: false}]}}\n",
  "services: {i: {image: 'img${I:-none}', env_file: e.env}}\n",
  "services: {i: {image: i, build: ., volumes: ['./d:/d', 'iv:/v']}}\nvolumes: {iv: }\n",
  "services: {i: {image: j, networks: [n], hostname: '${I}'}}\nnetworks: {n: {driver: d}}\n",
  "include: [../inc.yaml]\nservices: {k: {image: k}}\n",
  "services: {i: {extends: {service: a, file: base.yaml}}}\nnetworks: {n: , m: }\nvolumes: {v: , w: }\nsecrets: {s: {file: ./s}, t: {environment: E}}\nconfigs: {c: {content: text}}\n",
  "services: {a: {image: base}}\n",
  "services: {i: {image: i, depends_on: [j]}, j: {image: j, profiles: [p]}}\n",
  "name: other\nservices: {i: {image: i, secrets: [is]}}\nsecrets: {is: {file: ./is}}\n",
  "services: {i: {image: i, configs: [ic]}}\nconfigs: {ic: {file: ic}}\n",
  "networks: {default: {driver: x}}\nservices: {i: {image: i}}\n",
  "x-a: 1\n",
  "",
];

export function layerCase(random: Random): Stack {
  const kind = random.below(4);
  const overriding = kind === 0 || random.chance(0.2);
  const extending = kind === 1 || random.chance(0.1);
  const including = kind === 2 || random.chance(0.1);
  const head = including ? `include: ${random.pick(INCLUDES)}\n` : "";
  const main = `${head}${services(random, extending ? EXTENDS : [], false)}${sections(random).join("\n")}\n`;
  const files: Record<string, string> = {
    "compose.yaml": main,
    "override.yaml":
      services(random, extending && random.chance(0.3) ? EXTENDS : [], true) +
      (random.chance(0.5) ? `${sections(random).join("\n")}\n` : ""),
    "base.yaml": services(
      random,
      random.chance(0.2) ? ["c", "{service: b, file: sub/deep.yaml}"] : [],
      random.chance(0.2),
    ),
    "sub/deep.yaml": services(random, random.chance(0.2) ? ["{service: b, file: ../base.yaml}", "b"] : [], false),
    "inc.yaml": random.pick(INCLUDED),
    "inc2.yaml": random.pick(INCLUDED),
    "sub/inc.yaml": random.pick(INCLUDED),
    "sub/.env": "I=sub\n",
    "e.env": "E=1\nA=file\n",
    "sub/e.env": "E=2\n",
    "l.env": "l=file\n",
    "i.env": "I=from-file\n",
    ...(random.chance(0.3)
      ? { ".env": random.pick(["I=dot\n", "COMPOSE_PROFILES=p\n", "COMPOSE_PROJECT_NAME=dotted\n", "E=5\n"]) }
      : {}),
  };
  return {
    files,
    composeFiles: overriding ? ["compose.yaml", "override.yaml"] : ["compose.yaml"],
    environment: random.chance(0.2) ? { I: "shell", E: "9" } : {},
    profiles: random.chance(0.3) ? [random.pick(["p", "q", "*", "zz", "p,q"])] : [],
  };
}
