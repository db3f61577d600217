export {
  columnMeaning,
  CONTAINER_COLUMNS,
  HOST_COLUMNS,
  quantized,
  type ContainerColumn,
  type HostColumn,
  type SampleColumnMeaning,
} from "./columns.ts";
export { packSamples, unpackSamples } from "./packing.ts";
