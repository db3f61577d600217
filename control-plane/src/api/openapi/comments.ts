import type { DescEnum, DescField, DescFile, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";

type Described = DescMessage | DescEnum | DescField | DescService | DescMethod;

// Field numbers in descriptor.proto: where a thing stands in the file is a path of these and of positions.
const FILE_MESSAGES = 4;
const FILE_ENUMS = 5;
const FILE_SERVICES = 6;
const MESSAGE_FIELDS = 2;
const MESSAGE_NESTED = 3;
const MESSAGE_ENUMS = 4;
const SERVICE_METHODS = 2;

/** The comment above the thing in its proto, as one text; undefined without one. */
export function commentOf(thing: Described): string | undefined {
  const path = pathOf(thing).join(".");
  const locations = fileOf(thing).proto.sourceCodeInfo?.location ?? [];
  const comment = locations.find((location) => location.path.join(".") === path)?.leadingComments;
  const text = comment?.replaceAll(/\s+/g, " ").trim();
  return text === "" ? undefined : text;
}

function fileOf(thing: Described): DescFile {
  if (thing.kind === "field" || thing.kind === "rpc") return thing.parent.file;
  return thing.file;
}

function pathOf(thing: Described): number[] {
  switch (thing.kind) {
    case "message": {
      const { parent, file } = thing;
      return parent
        ? [...pathOf(parent), MESSAGE_NESTED, positionIn(parent.proto.nestedType, thing)]
        : [FILE_MESSAGES, file.messages.indexOf(thing)];
    }
    case "enum":
      return thing.parent
        ? [...pathOf(thing.parent), MESSAGE_ENUMS, thing.parent.nestedEnums.indexOf(thing)]
        : [FILE_ENUMS, thing.file.enums.indexOf(thing)];
    case "field":
      return [...pathOf(thing.parent), MESSAGE_FIELDS, thing.parent.proto.field.indexOf(thing.proto)];
    case "service":
      return [FILE_SERVICES, thing.file.services.indexOf(thing)];
    case "rpc":
      return [...pathOf(thing.parent), SERVICE_METHODS, thing.parent.methods.indexOf(thing)];
    default:
      return thing satisfies never;
  }
}

// By the descriptor: the entries of maps are nested messages too, and are left out of the list that was read.
function positionIn(list: readonly unknown[], message: DescMessage): number {
  return list.indexOf(message.proto);
}
