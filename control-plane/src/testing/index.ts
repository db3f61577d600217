export { startTestApp, type TestApp, type TestAppOptions } from "./app.ts";
export { startTestMetrics, type TestMetrics } from "../metrics/testing.ts";
export { startTestDatabase, type TestDatabase } from "./database.ts";
export type { TestClient, TestResponse } from "./rest.ts";
export { observedService, observedStack } from "./observed.ts";
export { type TestHosts, testHosts } from "./hosts.ts";
export { enroll, hostReport, newHostKey, openTestSession, type TestSession } from "./test-agent.ts";
