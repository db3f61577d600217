/** What the first bytes of a connection turned out to be. */
export type FirstBytes =
  | { readonly kind: "more" }
  | { readonly kind: "tls"; readonly alpn: readonly string[] }
  | { readonly kind: "plain-http" }
  | { readonly kind: "unknown" };

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const ALPN_EXTENSION = 16;
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;

/**
 * Reads as much of a ClientHello (RFC 8446 section 4.1.2) as is needed to know which protocols it offers. It may come
 * in several records, and each record in several segments: `more` asks for further bytes.
 */
export function readFirstBytes(bytes: Buffer): FirstBytes {
  if (bytes.length === 0) return { kind: "more" };
  if (bytes[0] !== HANDSHAKE_RECORD) return looksLikeHttp(bytes) ? { kind: "plain-http" } : { kind: "unknown" };
  const message = handshakeBytes(bytes);
  if (message === undefined) return { kind: "unknown" };
  if (message.length < MESSAGE_HEADER) return { kind: "more" };
  if (message[0] !== CLIENT_HELLO) return { kind: "unknown" };
  const end = MESSAGE_HEADER + message.readUIntBE(1, 3);
  if (message.length < end) return { kind: "more" };
  const alpn = offeredProtocols(message.subarray(MESSAGE_HEADER, end));
  return alpn === undefined ? { kind: "unknown" } : { kind: "tls", alpn };
}

function looksLikeHttp(bytes: Buffer): boolean {
  return /^[A-Z]{1,10}( |$)/.test(bytes.toString("latin1", 0, 11));
}

/** The payloads of the leading handshake records, joined; undefined when something else is in between. */
function handshakeBytes(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at + RECORD_HEADER <= bytes.length;) {
    if (bytes[at] !== HANDSHAKE_RECORD) return parts.length === 0 ? undefined : Buffer.concat(parts);
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0) return undefined;
    parts.push(bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length));
    at += RECORD_HEADER + length;
  }
  return Buffer.concat(parts);
}

/** The names in the ALPN extension, [] without one, undefined for a hello that is cut or wrong. */
function offeredProtocols(hello: Buffer): string[] | undefined {
  const reader = new Reader(hello);
  reader.skip(2 + 32); // version, random
  reader.skip(reader.number(1)); // session id
  reader.skip(reader.number(2)); // cipher suites
  reader.skip(reader.number(1)); // compression methods
  if (reader.failed) return undefined;
  if (reader.atEnd) return [];
  const extensions = new Reader(reader.take(reader.number(2)));
  while (!reader.failed && !extensions.failed && !extensions.atEnd) {
    const type = extensions.number(2);
    const body = extensions.take(extensions.number(2));
    if (type === ALPN_EXTENSION) return protocolNames(body);
  }
  return reader.failed || extensions.failed ? undefined : [];
}

function protocolNames(extension: Buffer): string[] | undefined {
  const outer = new Reader(extension);
  const list = new Reader(outer.take(outer.number(2)));
  const names: string[] = [];
  while (!list.failed && !list.atEnd) names.push(list.take(list.number(1)).toString("latin1"));
  return outer.failed || list.failed ? undefined : names;
}

/** Reads lengths and runs of bytes; past the end it fails for good and gives zeros. */
class Reader {
  failed = false;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }
  number(width: 1 | 2): number {
    const taken = this.take(width);
    return this.failed ? 0 : taken.readUIntBE(0, width);
  }
  skip(count: number): void {
    this.take(count);
  }
  take(count: number): Buffer {
    if (this.failed || this.#at + count > this.#bytes.length) {
      this.failed = true;
      return Buffer.alloc(0);
    }
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}
