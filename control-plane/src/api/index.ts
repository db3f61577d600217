export type { AgentContext, AgentHandlers } from "./agent-service.ts";
export { createApi, type Api } from "./api.ts";
export type { Authenticator } from "./credentials.ts";
export type { DoorIdentity } from "./door/front-door.ts";
export { withEventId, type CallContext, type Handlers, type Principal, type SessionCookie } from "./handlers.ts";
export { createRateLimiter, type RateLimiter } from "./rate-limit.ts";
export { pageOf, readPage, type Page, type PageQuery } from "./pages.ts";
export type { TerminalHandler, TerminalSocket, Terminals } from "./terminals.ts";
export type { Tickets } from "./tickets.ts";
