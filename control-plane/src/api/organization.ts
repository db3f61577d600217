import type { DescMessage, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";

const FIELD = "organization";

/** The organization that a request names: its own field, or that of the message in its first `oneof` (`start`). */
export function organizationIn(type: DescMessage, message: Message): string | undefined {
  const reflected = reflect(type, message);
  for (const field of type.fields) {
    if (field.fieldKind === "scalar" && field.name === FIELD) return String(reflected.get(field));
  }
  for (const field of type.fields) {
    if (field.fieldKind !== "message" || field.oneof === undefined || !reflected.isSet(field)) continue;
    const inner = reflected.get(field);
    const innerField = field.message.fields.find((one) => one.name === FIELD);
    if (innerField?.fieldKind === "scalar") return String(inner.get(innerField));
  }
  return undefined;
}
