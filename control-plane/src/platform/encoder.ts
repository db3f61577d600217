import type { BinaryWriter } from "@bufbuild/protobuf/wire";

interface Encodable<Message> {
  encode(message: Message, writer?: BinaryWriter): BinaryWriter;
}

// A writer that grew for a large message is not kept: it would hold the room for good.
const LARGEST_KEPT_BYTES = 64 * 1024;

/**
 * Encodes messages of a type with one writer, which keeps its memory: a new one grows by doubling, and throws away four pieces of
 * memory for a message of a kilobyte.
 */
export function encoderOf<Message>(type: Encodable<Message>): (message: Message) => Uint8Array<ArrayBuffer> {
  let kept: BinaryWriter | undefined;
  return (message) => {
    const before = kept;
    // Half a message stays in it when encoding throws.
    kept = undefined;
    const writer = type.encode(message, before);
    const bytes = writer.finish();
    if (bytes.length <= LARGEST_KEPT_BYTES) kept = writer;
    return bytes;
  };
}
