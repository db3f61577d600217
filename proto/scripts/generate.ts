// Makes everything that comes from the protos: third-party protos → .cache/proto, the buf image, ts-proto code for gRPC,
// the typed REST client. Nothing of it is committed.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { printValidateProto } from "./print-validate-proto.ts";
import { printRestClient } from "./print-rest-client.ts";

const root = join(import.meta.dirname, "../..");
const bin = (name: string): string => join(root, "node_modules/.bin", name);
const thirdParty = join(root, ".cache/proto");
const generated = join(root, "proto/src/gen");
const image = join(root, "proto/image.binpb");

const TS_PROTO_OPTIONS = [
  "outputServices=grpc-js",
  "oneof=unions-value",
  "enumsAsLiterals=true",
  "importSuffix=.ts",
  "forceLong=bigint",
  "useOptionals=none",
  "esModuleInterop=true",
  "useExactTypes=false",
  "outputJsonMethods=false",
  "outputTypeRegistry=false",
  "exportCommonSymbols=false",
];

function writeThirdPartyProtos(): void {
  rmSync(thirdParty, { recursive: true, force: true });
  mkdirSync(join(thirdParty, "google/api"), { recursive: true });
  mkdirSync(join(thirdParty, "buf/validate"), { recursive: true });
  for (const name of ["annotations", "http"]) {
    cpSync(
      join(root, `node_modules/google-proto-files/google/api/${name}.proto`),
      join(thirdParty, `google/api/${name}.proto`),
    );
  }
  writeFileSync(join(thirdParty, "buf/validate/validate.proto"), printValidateProto());
}

function buf(args: string[]): void {
  execFileSync(bin("buf"), args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
}

function generateGrpcCode(): void {
  rmSync(generated, { recursive: true, force: true });
  const template = JSON.stringify({
    version: "v2",
    plugins: [{ local: bin("protoc-gen-ts_proto"), out: "proto/src/gen", opt: TS_PROTO_OPTIONS }],
  });
  buf(["generate", "--template", template, "proto", "--include-imports"]);
}

writeThirdPartyProtos();
buf(["build", "-o", "proto/image.binpb"]);
generateGrpcCode();
writeFileSync(join(generated, "rest-client.ts"), printRestClient(readFileSync(image)));
