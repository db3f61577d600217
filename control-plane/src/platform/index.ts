export { mayDo, requirePermission, systemCaller, type Caller } from "./caller.ts";
export { manualClock, systemClock, type Clock, type ManualClock } from "./clock.ts";
export { createSealer, equalSecrets, installationKey, randomToken, sha256, sha256Hex, type Sealer } from "./crypto.ts";
export type { ConnectionSettings } from "./db/connection.ts";
export type { Database, UnitOptions } from "./db/database.ts";
export { isDiskFull, isUniqueViolation } from "./db/failures.ts";
export type { Migration } from "./db/migrate.ts";
export { numberArray, textArray, timeArray } from "./db/arrays.ts";
export { tablesOf, type UnitOfWork } from "./db/unit-of-work.ts";
export {
  commonErrors,
  defineErrors,
  grpcStatusOf,
  httpStatusOf,
  isProblem,
  ProblemError,
  startErrors,
  type ErrorCode,
  type ErrorKind,
  type Violation,
} from "./errors.ts";
export { eventType, type EventBus, type EventType } from "./events/bus.ts";
export { createGathering } from "./gather.ts";
export type { NewId } from "./ids.ts";
export { type JobKind, type JobOutcome, type JobRun, type Jobs } from "./jobs/jobs.ts";
export { breather, type Breathe } from "./breather.ts";
export { encoderOf } from "./encoder.ts";
export { createLevelWork } from "./level-work.ts";
export { createLog, field, LOG_LEVELS, type Log, type LogLevel } from "./log.ts";
export { createSparseLog, type SparseLog } from "./sparse-log.ts";
export { takeEach } from "./take-each.ts";
export { openPlatform, type Platform } from "./open.ts";
export { packagedAsset } from "./packaged/assets.ts";
export { unpackContents, type Contents } from "./packaged/contents.ts";
export { startEmbeddedPostgres, type EmbeddedPostgres } from "./postgres/embedded.ts";
export { inOurTime } from "./our-time.ts";
