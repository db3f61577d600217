export * from "./gen/windflow/agent/v1/agent.ts";
export * from "./gen/windflow/agent/v1/generation.ts";
export * from "./gen/windflow/agent/v1/observed.ts";
export * from "./gen/windflow/agent/v1/session.ts";
export * from "./gen/windflow/agent/v1/streams.ts";
