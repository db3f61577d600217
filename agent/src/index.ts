export { startAgent, type AgentParts, type RunningAgent } from "./agent.ts";
export { readConfig, type AgentConfig, type ConfigInput } from "./config.ts";
export { enrollAgent, type EnrollOptions } from "./enroll-agent.ts";
export { type Enrolled } from "./enroll/enroll.ts";
export { AGENT_ERROR_CODES, AgentError, type AgentErrorCode } from "./errors.ts";
export { type AgentState } from "./lifecycle.ts";
export { type Clock, systemClock } from "./platform/clock.ts";
export { createLog, type Log, type LogLevel } from "./platform/log.ts";
export { AGENT_VERSION } from "./version.ts";
