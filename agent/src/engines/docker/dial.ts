/** A call of the engine's API as its client's transport takes it. */
export interface DialOptions {
  readonly method: "GET" | "POST";
  /** Ends with "?" when there are options. */
  readonly path: string;
  /** Answers that are no failure, and words for those that are. */
  readonly statusCodes: Readonly<Record<number, true | string>>;
  /** Query parameters: texts, numbers and booleans as they are, lists repeated, objects as JSON. Of a path without "?": the body. */
  readonly options?: object;
  /** The answer's body comes as a stream. */
  readonly isStream?: boolean;
  readonly hijack?: boolean;
  readonly file?: NodeJS.ReadableStream;
  readonly headers?: Readonly<Record<string, string>>;
  readonly authconfig?: object;
  readonly registryconfig?: object;
  readonly abortSignal?: AbortSignal;
}

/** A call that the client has no method for, or only one that does more or that cannot be ended early. */
export function dial<Answer>(client: { readonly modem: unknown }, options: DialOptions): Promise<Answer> {
  const modem = client.modem as {
    dial(options: DialOptions, callback: (error: Error | null, answer: Answer) => void): void;
  };
  return new Promise((resolve, reject) => {
    modem.dial(options, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}
