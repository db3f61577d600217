import { secretPlaceholder } from "@windflow/core";
import { expect, test } from "vitest";
import { renderDeployable } from "./render.ts";
import { inputOf, problemLines } from "./testing/render-files.ts";

test("what no host can honour is refused by name and place", () => {
  const output = renderDeployable(
    inputOf({
      "compose.yaml": `services:
  web:
    build: .
    volumes:
      - ./conf:/conf
      - data:/data
    pre_start:
      - command: ["true"]
  model:
    provider: { type: model }
volumes:
  data:
    driver: local
    driver_opts: { o: bind, type: none, device: ./data }
`,
    }),
  );
  expect(output.model).toBeUndefined();
  expect(problemLines(output)).toEqual([
    'error compose.yaml:10:5 services.model.provider: the service "model" uses provider, which no host can carry out',
    'error compose.yaml:7:5 services.web.pre_start: the service "web" uses pre_start, which no host can carry out',
    'error compose.yaml:5:9 services.web.volumes[0]: the service "web" mounts /stacks/shop/conf, which is on no host',
    'error compose.yaml:6:9 services.web.volumes[1]: the service "web" mounts /stacks/shop/data, which is on no host',
  ]);
});

test("what docker compose passes over is a warning", () => {
  const output = renderDeployable(
    inputOf({
      "compose.yaml": `services:
  web:
    image: web
    build: .
    deploy:
      replicas: 2
      update_config: { parallelism: 1 }
`,
    }),
  );
  expect(output.model?.services["web"]?.image).toBe("web");
  expect(problemLines(output)).toEqual([
    "warning compose.yaml:7:7 services.web.deploy.update_config: deploy.update_config has no effect here",
  ]);
});

test("configs and secrets travel with their text; secret variables stay placeholders", () => {
  const placeholder = secretPlaceholder({ name: "DB_PASSWORD", version: 3 });
  const output = renderDeployable(
    inputOf(
      {
        "compose.yaml": `services:
  web: { image: web, configs: [site, inline], secrets: [password] }
configs:
  site: { file: ./site.conf }
  inline: { content: "user=\${USER_NAME}" }
secrets:
  password: { environment: DB_PASSWORD }
`,
        "site.conf": "listen 80;\n",
      },
      { environment: { DB_PASSWORD: placeholder, USER_NAME: "u" } },
    ),
  );
  expect(output.problems).toEqual([]);
  expect(output.model?.configs).toEqual({
    site: { name: "shop_site", content: "listen 80;\n" },
    inline: { name: "shop_inline", content: "user=u" },
  });
  expect(output.model?.secrets).toEqual({ password: { name: "shop_password", content: placeholder } });
});

test("a config whose file is not among the files of the stack is refused", () => {
  const output = renderDeployable(
    inputOf({ "compose.yaml": "services:\n  web: { image: web, configs: [c] }\nconfigs:\n  c: { file: gone }\n" }),
  );
  expect(problemLines(output)).toEqual([
    "error compose.yaml:4:8 configs.c.file: the file /stacks/shop/gone of configs.c is not among the files of the stack",
  ]);
});
