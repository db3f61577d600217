export { createDockerEngine, type DockerEngine } from "./docker-engine.ts";
