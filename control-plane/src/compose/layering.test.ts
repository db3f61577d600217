import { describe, expect, test } from "vitest";
import { problemLines, renderFiles } from "./testing/render-files.ts";

describe("override files", () => {
  const base = `services:
  web:
    image: web
    command: [run]
    ports: ["80:80"]
    environment: { A: 1, B: 2 }
    labels: { l: 1 }
    logging: { driver: json-file, options: { max-size: 1m } }
`;
  function overridden(override: string): unknown {
    const { model, problems } = renderFiles(
      { "compose.yaml": base, "override.yaml": override },
      { composeFiles: ["compose.yaml", "override.yaml"] },
    );
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    return model?.services["web"];
  }

  test("maps join by key, lists append, commands replace", () => {
    expect(
      overridden(`services:
  web:
    command: [other]
    ports: ["81:81", "80:80"]
    environment: [B=3, C=4]
    labels: [l=2]
    logging: { options: { max-file: 2 } }
`),
    ).toMatchObject({
      image: "web",
      command: ["other"],
      ports: [{ published: "80" }, { published: "81" }],
      environment: { A: "1", B: "3", C: "4" },
      labels: { l: "2" },
      logging: { driver: "json-file", options: { "max-size": "1m", "max-file": "2" } },
    });
  });

  test("options of another logging driver are not kept", () => {
    expect(overridden("services: { web: { logging: { driver: none } } }")).toMatchObject({
      logging: { driver: "none" },
    });
  });

  test("!reset takes a value away and !override replaces it", () => {
    const web = overridden(
      "services: { web: { ports: !override [90], environment: { A: !reset null }, command: !reset null } }",
    );
    expect(web).toMatchObject({ command: null, environment: { B: "2" } });
    expect(web).toHaveProperty("ports", [{ mode: "ingress", target: 90, protocol: "tcp" }]);
  });

  test("what cannot be laid over says so at the later place", () => {
    const output = renderFiles(
      { "compose.yaml": base, "override.yaml": "services:\n  web:\n    ports: { a: b }\n" },
      { composeFiles: ["compose.yaml", "override.yaml"] },
    );
    expect(problemLines(output)).toEqual([
      "error override.yaml:3:5 services.web.ports: this map cannot be laid over a list",
    ]);
  });

  test("documents of one file are laid over each other", () => {
    const { model } = renderFiles({
      "compose.yaml": "services: { a: { image: x } }\n---\nservices: { a: { command: y } }\n",
    });
    expect(model?.services["a"]).toMatchObject({ image: "x", command: ["y"] });
  });
});

describe("extends", () => {
  test("chains reach over files, and paths start from their own file", () => {
    const { model, problems } = renderFiles({
      "compose.yaml":
        "services:\n  web: { extends: { file: base/base.yaml, service: common }, environment: { B: 2 } }\n",
      "base/base.yaml":
        "services:\n  common: { extends: root, volumes: [./conf:/conf], environment: { A: 1, B: 1 } }\n  root: { image: web }\n",
    });
    expect(problems).toEqual([]);
    expect(model?.services["web"]).toMatchObject({
      image: "web",
      environment: { A: "1", B: "2" },
      volumes: [{ source: "/stacks/shop/base/conf" }],
    });
  });

  test("a circle, an unknown service and an unknown file are refused where they are written", () => {
    const refused = (text: string): string[] => problemLines(renderFiles({ "compose.yaml": text }));
    expect(refused("services:\n  a: { extends: b }\n  b: { extends: a, image: x }\n")).toEqual([
      "error compose.yaml:2:8 services.a.extends: services extend each other in a circle",
    ]);
    expect(refused("services:\n  a:\n    extends: { service: c }\n")).toEqual([
      'error compose.yaml:3:5 services.a.extends: the service "c" that "a" extends does not exist',
    ]);
    expect(refused("services:\n  a:\n    extends: { service: c, file: gone.yaml }\n")).toEqual([
      "error compose.yaml:3:28 services.a.extends: the file /stacks/shop/gone.yaml is not there",
    ]);
  });
});

describe("include", () => {
  const sub = {
    "sub/compose.yaml": "services:\n  db: { image: 'db:${TAG}', volumes: [./data:/data] }\n",
    "sub/.env": "TAG=2\n",
  };

  test("an included project has its own folder and .env", () => {
    const { model, problems } = renderFiles({
      "compose.yaml": "include: [sub/compose.yaml]\nservices: { web: { image: web, depends_on: [db] } }\n",
      ...sub,
    });
    expect(problems).toEqual([]);
    expect(model?.services["db"]).toMatchObject({ image: "db:2", volumes: [{ source: "/stacks/shop/sub/data" }] });
  });

  test("the surroundings win over the .env of an include", () => {
    const files = { "compose.yaml": "include: [sub/compose.yaml]\n", ...sub };
    expect(renderFiles(files, { environment: { TAG: "9" } }).model?.services["db"]?.image).toBe("db:9");
  });

  test("a different definition of the same service is a conflict at ours", () => {
    const output = renderFiles({
      "compose.yaml": "include: [sub/compose.yaml]\nservices:\n  db: { image: other }\n",
      ...sub,
    });
    expect(problemLines(output)).toEqual([
      "error compose.yaml:3:3 services.db: services.db is also defined by the included sub/compose.yaml",
    ]);
  });

  test("a circle of includes ends", () => {
    const output = renderFiles({ "compose.yaml": "include: [a.yaml]\n", "a.yaml": "include: [compose.yaml]\n" });
    expect(problemLines(output)).toEqual(["error a.yaml:1:11 include[0]: files include each other in a circle"]);
  });
});

describe("the environment", () => {
  test("the caller's variables win over .env, which knows the caller's", () => {
    const { model } = renderFiles(
      {
        "compose.yaml": "services: { a: { image: '$A-$B', environment: [A, B, GONE] } }",
        ".env": "A=file\nB=${A}-b\n",
      },
      { environment: { A: "shell" } },
    );
    expect(model?.services["a"]).toMatchObject({
      image: "shell-shell-b",
      environment: { A: "shell", B: "shell-b", GONE: null },
    });
  });

  test("env files go below what the service says, later ones above earlier ones", () => {
    const { model } = renderFiles({
      "compose.yaml":
        "services: { a: { image: x, env_file: [one.env, { path: two.env }, { path: gone.env, required: false }], environment: { C: own } } }",
      "one.env": "A=1\nB=1\nC=1\n",
      "two.env": "B=2\nD=${A}\n",
    });
    expect(model?.services["a"]?.environment).toEqual({ A: "1", B: "2", C: "own", D: "1" });
    expect(model?.services["a"]).not.toHaveProperty("env_file");
  });

  test("a mistake in an env file is shown in that file", () => {
    const output = renderFiles({
      "compose.yaml": "services: { a: { image: x, env_file: a.env } }",
      "a.env": "A=1\nB C=2\n",
    });
    expect(problemLines(output)).toEqual(["error a.env:2:1 : the env file a.env cannot be read"]);
  });

  test("an unset variable is a warning once", () => {
    const output = renderFiles({ "compose.yaml": "services: { a: { image: 'x$NO', hostname: 'h$NO' } }" });
    expect(problemLines(output)).toEqual(["warning compose.yaml:1:25 services.a.image: the variable NO is not set"]);
  });
});

describe("profiles", () => {
  const files = {
    "compose.yaml":
      "services: { web: { image: web }, debug: { image: debug, profiles: [debug], networks: [tools] } }\nnetworks: { tools: }\n",
  };
  test.each([
    [[], ["web"]],
    [["debug"], ["web", "debug"]],
    [["*"], ["web", "debug"]],
    [["other"], ["web"]],
  ])("%j activates %j", (profiles, services) => {
    const { model } = renderFiles(files, { profiles });
    expect(Object.keys(model?.services ?? {})).toEqual(services);
    expect(Object.hasOwn(model?.networks ?? {}, "tools")).toBe(services.includes("debug"));
  });

  test("without any, COMPOSE_PROFILES counts", () => {
    const { model } = renderFiles(files, { environment: { COMPOSE_PROFILES: "x, debug" } });
    expect(Object.keys(model?.services ?? {})).toEqual(["web", "debug"]);
  });
});
