/** One event of a text/event-stream (WHATWG HTML, section 9.2). */
export interface ServerSentEvent {
  id: string | undefined;
  type: string;
  data: string;
}

/** The events of a response body; comments (heartbeats) are passed over. */
export async function* readServerSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let pending = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      pending += decoder.decode(value, { stream: true });
      let end = pending.indexOf("\n\n");
      while (end !== -1) {
        const event = parseEvent(pending.slice(0, end));
        if (event !== undefined) yield event;
        pending = pending.slice(end + 2);
        end = pending.indexOf("\n\n");
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function parseEvent(block: string): ServerSentEvent | undefined {
  const dataLines: string[] = [];
  let id: string | undefined;
  let type = "message";
  for (const line of block.split("\n")) {
    const [, field = "", text = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "data") dataLines.push(text);
    if (field === "id") id = text;
    if (field === "event") type = text;
  }
  return dataLines.length === 0 ? undefined : { id, type, data: dataLines.join("\n") };
}
