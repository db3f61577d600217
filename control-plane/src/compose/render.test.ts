import { describe, expect, test } from "vitest";
import { problemLines, renderFiles } from "./testing/render-files.ts";

test("a small file comes out in its normal form", () => {
  const { model, problems } = renderFiles(
    {
      "compose.yaml": `services:
  web:
    image: web:\${TAG:-1}
    command: run --fast "a b"
    ports: ["8080:80", 443]
    volumes: [data:/data, ./conf:/conf:ro]
    environment: [A=1, PASSED]
    depends_on: [db]
  db:
    image: db
    healthcheck: { test: pg_isready, interval: 90s }
volumes:
  data:
`,
    },
    { environment: { PASSED: "yes" } },
  );
  expect(problems).toEqual([]);
  expect(model).toEqual({
    name: "shop",
    services: {
      web: {
        image: "web:1",
        command: ["run", "--fast", "a b"],
        entrypoint: null,
        ports: [
          { mode: "ingress", target: 80, published: "8080", protocol: "tcp" },
          { mode: "ingress", target: 443, protocol: "tcp" },
        ],
        volumes: [
          { type: "volume", source: "data", target: "/data", volume: {} },
          {
            type: "bind",
            source: "/stacks/shop/conf",
            target: "/conf",
            read_only: true,
            bind: { create_host_path: true },
          },
        ],
        environment: { A: "1", PASSED: "yes" },
        depends_on: { db: { condition: "service_started", required: true } },
        networks: { default: null },
      },
      db: {
        image: "db",
        command: null,
        entrypoint: null,
        healthcheck: { test: ["CMD-SHELL", "pg_isready"], interval: "1m30s" },
        networks: { default: null },
      },
    },
    networks: { default: { name: "shop_default", ipam: {} } },
    volumes: { data: { name: "shop_data" } },
  });
});

describe("problems", () => {
  test("several mistakes are reported at once, each where it is written", () => {
    const output = renderFiles({
      "compose.yaml": `services:
  web:
    imagee: web
    ports: 80
  db:
    image: [db]
`,
    });
    expect(output.model).toBeUndefined();
    expect(problemLines(output)).toEqual([
      'error compose.yaml:3:5 services.web.imagee: the key "imagee" is not known here',
      "error compose.yaml:4:5 services.web.ports: the value 80 stands where a list belongs",
      "error compose.yaml:6:5 services.db.image: a list stands where text belongs",
    ]);
    expect(output.problems[0]?.fix).toBe('did you mean "image"?');
  });

  test("after merging, a problem points at the file that it came from", () => {
    const output = renderFiles(
      {
        "compose.yaml": "services:\n  web:\n    image: web\n",
        "override.yaml": "services:\n  web:\n    volumes:\n      - lost:/data\n",
      },
      { composeFiles: ["compose.yaml", "override.yaml"] },
    );
    expect(problemLines(output)).toEqual([
      'error override.yaml:4:9 services.web.volumes[0]: the service "web" uses the undefined volume "lost"',
    ]);
  });
});
