import { StreamDecoder } from "@grpc/grpc-js/build/src/stream-decoder.js";

/** What of the decoder of a call is used here; of the version that is pinned, and tested. */
interface Decoder {
  write: (this: Decoder, data: Buffer) => Buffer[];
  readState: number;
  readPartialMessage: readonly Buffer[];
  readCompressFlag: Buffer;
}

const BETWEEN_MESSAGES = 0;
const NOTHING: readonly Buffer[] = [];
const NO_FLAG = Buffer.alloc(1);

/**
 * Makes grpc-js let go of a call's last message when it has handed it on. By itself it keeps the pieces of it, and with them all that came
 * on the connection at the same time, until the next message begins and they are replaced: a kilobyte and a half for each of ten
 * thousand sessions that wait, and as much to throw away with every message.
 */
export function forgetLastMessages(): void {
  const decoder = StreamDecoder.prototype as unknown as Decoder;
  const { write } = decoder;
  decoder.write = function (data) {
    const messages = write.call(this, data);
    if (this.readState === BETWEEN_MESSAGES) {
      this.readPartialMessage = NOTHING;
      this.readCompressFlag = NO_FLAG;
    }
    return messages;
  };
}
