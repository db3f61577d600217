export { helloBytes, signHello, verifyHello } from "./hello.ts";
