// The text of buf/validate/validate.proto is in no npm package, but its descriptor is: print the one from the other.
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { isFieldSet } from "@bufbuild/protobuf";
import {
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as Type,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
} from "@bufbuild/protobuf/wkt";

const LABELS: Record<number, string> = { 1: "optional", 2: "required", 3: "repeated" };
// protoc's own upper end of "extensions N to max".
const MAX_EXTENSION = 536_870_912;

function indented(lines: string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function fieldLine(field: FieldDescriptorProto, insideOneof: boolean): string {
  const label = insideOneof ? "" : `${LABELS[field.label] ?? "optional"} `;
  const type = field.typeName === "" ? (Type[field.type] ?? "").toLowerCase() : field.typeName;
  const fallback = field.defaultValue === "" ? "" : ` [default = ${field.defaultValue}]`;
  return `${label}${type} ${field.name} = ${field.number}${fallback};`;
}

function rangeText(start: number, lastIncluded: number): string {
  return start === lastIncluded ? String(start) : `${start} to ${lastIncluded}`;
}

function enumLines(descriptor: EnumDescriptorProto): string[] {
  const alias = descriptor.options?.allowAlias ? ["option allow_alias = true;"] : [];
  const values = descriptor.value.map((value) => `${value.name} = ${value.number};`);
  const reserved = descriptor.reservedRange.map((range) => `reserved ${rangeText(range.start, range.end)};`);
  return [`enum ${descriptor.name} {`, ...indented([...alias, ...values, ...reserved]), "}"];
}

function messageLines(descriptor: DescriptorProto): string[] {
  const oneofIndexOf = (field: FieldDescriptorProto): number =>
    isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex) ? field.oneofIndex : -1;
  const oneofs = descriptor.oneofDecl.flatMap((oneof, index) => [
    `oneof ${oneof.name} {`,
    ...indented(
      descriptor.field.filter((field) => oneofIndexOf(field) === index).map((field) => fieldLine(field, true)),
    ),
    "}",
  ]);
  const plain = descriptor.field.filter((field) => oneofIndexOf(field) === -1).map((field) => fieldLine(field, false));
  const extensions = descriptor.extensionRange.map(
    (range) => `extensions ${range.start} to ${range.end >= MAX_EXTENSION ? "max" : range.end - 1};`,
  );
  const reserved = descriptor.reservedRange.map((range) => `reserved ${rangeText(range.start, range.end - 1)};`);
  const names = descriptor.reservedName.map((name) => `reserved ${JSON.stringify(name)};`);
  return [
    `message ${descriptor.name} {`,
    ...indented([
      ...descriptor.nestedType.flatMap(messageLines),
      ...descriptor.enumType.flatMap(enumLines),
      ...oneofs,
      ...plain,
      ...extensions,
      ...reserved,
      ...names,
    ]),
    "}",
  ];
}

/** Text of buf/validate/validate.proto (proto2) as the installed @bufbuild/protovalidate knows it. */
export function printValidateProto(): string {
  const file = file_buf_validate_validate.proto;
  return [
    'syntax = "proto2";',
    "package buf.validate;",
    ...file.dependency.map((path) => `import "${path}";`),
    ...file.messageType.flatMap(messageLines),
    ...file.enumType.flatMap(enumLines),
    ...file.extension.map((extension) => `extend ${extension.extendee} { ${fieldLine(extension, false)} }`),
    "",
  ].join("\n");
}
