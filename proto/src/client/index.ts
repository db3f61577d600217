export * from "./api-error.ts";
export * from "./calls.ts";
export * from "./rest-client.ts";
export * from "../gen/rest-client.ts";
