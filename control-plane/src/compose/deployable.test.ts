import { secretPlaceholder } from "@windflow/core";
import { expect, test } from "vitest";
import { type RenderInput, type RenderOutput, renderDeployable } from "./render.ts";
import type { Attachment } from "./source-tree.ts";
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
    'error compose.yaml:3:5 services.web.build: the image of the service "web" cannot be built',
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
  expect(output.model?.services["web"]?.build).toBeUndefined();
  expect(problemLines(output)).toEqual([
    'warning compose.yaml:4:5 services.web.build: the image web of the service "web" is pulled, not built',
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

const FILE: Attachment = { kind: "file", sizeBytes: 10, linkTarget: "" };
const attached = (files: Record<string, Attachment>): Partial<RenderInput> => ({
  attachments: new Map(Object.entries(files)),
});

test("files and folders that the stack has are mounted; one that is written to stays with its version", () => {
  const yaml = `services:
  web:
    image: web
    volumes:
      - ./site.conf:/etc/site.conf:ro
      - ./static:/static:ro
      - ./data:/data
      - .:/all:ro
`;
  const files = { "compose.yaml": yaml, "site.conf": "x" };
  const folder: Attachment = { ...FILE, kind: "folder" };
  const output = renderDeployable(inputOf(files, attached({ "static/logo.png": FILE, data: folder })));
  expect(output.model?.services["web"]?.volumes?.map((mount) => mount.source)).toEqual([
    "/stacks/shop/site.conf",
    "/stacks/shop/static",
    "/stacks/shop/data",
    "/stacks/shop",
  ]);
  expect(problemLines(output)).toEqual([
    'warning compose.yaml:7:9 services.web.volumes[2]: what the service "web" writes to /data stays with this version of the stack\'s files',
  ]);
});

test("what the stack lacks is asked for by its name; a mount does not lead through a link or a volume", () => {
  const yaml = `services:
  web:
    image: web
    volumes:
      - ./nginx.conf:/etc/nginx.conf:ro
      - ./html:/html:ro
      - ./current/logo.png:/logo.png:ro
      - ~/x:/x
      - vol:/v
volumes:
  vol: { driver: local, driver_opts: { type: none, o: bind, device: ./static } }
`;
  const link: Attachment = { kind: "link", sizeBytes: 0, linkTarget: "static" };
  const { problems } = renderDeployable(
    inputOf({ "compose.yaml": yaml }, attached({ "static/logo.png": FILE, current: link })),
  );
  expect(problems.map(({ keyPath, fix }) => `${keyPath}: ${fix}`)).toEqual([
    "services.web.volumes[0]: add the file ./nginx.conf to the stack, or use a named volume",
    "services.web.volumes[1]: add the folder ./html to the stack, or use a named volume",
    "services.web.volumes[2]: mount ./static/logo.png itself",
    "services.web.volumes[3]: mount an absolute path of the host, a named volume, or files of the stack",
    "services.web.volumes[4]: mount ./static directly in place of the volume vol",
  ]);
});

test("the working directory of an adopted stack is a folder of its hosts: its files are there", () => {
  const yaml = "services:\n  web: { image: web, volumes: ['./html:/html'] }\n";
  const output = renderDeployable(inputOf({ "compose.yaml": yaml }, { hostFolder: true }));
  expect(output.problems).toEqual([]);
  expect(output.model?.services["web"]?.volumes?.[0]?.source).toBe("/stacks/shop/html");
});

test("an attachment that is read as text is asked for; a large config, or one that is no text, travels as a file", () => {
  const yaml = `include: [more/compose.yaml]
services:
  web: { image: web, env_file: web.env, configs: [small, large, binary] }
configs:
  small: { file: small.conf }
  large: { file: large.conf }
  binary: { file: logo.png }
`;
  const large = "x".repeat(70_000);
  const attachments = {
    "more/compose.yaml": FILE,
    "web.env": FILE,
    "logo.png": { ...FILE, binary: true },
    "small.conf": FILE,
  };
  const files: Record<string, string> = { "compose.yaml": yaml, "large.conf": large };
  const render = (): RenderOutput => renderDeployable(inputOf(files, attached(attachments)));
  expect(render().wantedTexts).toEqual(["more/compose.yaml"]);
  files["more/compose.yaml"] = "services: {other: {image: other}}";
  expect(render().wantedTexts).toEqual(["web.env"]);
  files["web.env"] = "A=1";
  expect(render().wantedTexts).toEqual(["small.conf"]);
  files["small.conf"] = "listen 80;";
  const output = render();
  expect(output.wantedTexts).toEqual([]);
  expect(output.model?.services["web"]?.environment).toEqual({ A: "1" });
  expect(output.model?.configs).toEqual({
    small: { name: "shop_small", content: "listen 80;" },
    large: { name: "shop_large", file: "/stacks/shop/large.conf" },
    binary: { name: "shop_binary", file: "/stacks/shop/logo.png" },
  });
});

test("an env file that is no text is refused as that", () => {
  const yaml = "services:\n  web: { image: web, env_file: logo.png }\n";
  const binary = { ...FILE, binary: true };
  const output = renderDeployable(inputOf({ "compose.yaml": yaml }, attached({ "logo.png": binary })));
  expect(problemLines(output)).toEqual([
    "error compose.yaml:2:32 services.web.env_file[0]: the file logo.png cannot be read as text",
  ]);
});

test("a build needs its context and its Dockerfile among the files of the stack", () => {
  const yaml = `services:
  a: { build: ./a }
  b: { build: ./b }
  c: { build: { context: ., dockerfile: c.Dockerfile } }
  d: { build: https://example.org/d.git }
  e: { build: { context: ., dockerfile_inline: FROM scratch } }
`;
  const output = renderDeployable(
    inputOf({ "compose.yaml": yaml, "a/Dockerfile": "FROM scratch" }, attached({ "b/x": FILE })),
  );
  expect(output.problems.map(({ keyPath, fix }) => `${keyPath}: ${fix}`)).toEqual([
    "services.b.build: add the file ./b/Dockerfile to the stack",
    "services.c.build: add the file ./c.Dockerfile to the stack",
    "services.d.build: add the folder to the stack and name it with a relative path",
  ]);
});
