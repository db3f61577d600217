/** One REST method as the protos annotate it. `path` has `{field}` places; `body` is "*", a field or "". */
export interface MethodRow {
  verb: string;
  path: string;
  body: string;
  streams: boolean;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Sent as Idempotency-Key: the same key and request within 24 h give the first answer again. */
  idempotencyKey?: string | undefined;
}

export interface StreamOptions extends CallOptions {
  /** Sent as Last-Event-ID: go on after this event. */
  lastEventId?: string | undefined;
}

/** Rejects with ApiError. */
export type UnaryCall<Input, Output> = (request: Input, options?: CallOptions) => Promise<Output>;

/** One message of a server stream with the id to resume after. */
export interface StreamItem<Output> {
  id: string | undefined;
  message: Output;
}
/** Ends when the server ends the stream; throws ApiError when the server says why it failed. */
export type StreamingCall<Input, Output> = (
  request: Input,
  options?: StreamOptions,
) => AsyncIterable<StreamItem<Output>>;
