export * from "./installation/installation.ts";
