export {
  columnMeaning,
  CONTAINER_COLUMNS,
  HOST_COLUMNS,
  type ContainerColumn,
  type HostColumn,
  type SampleColumnMeaning,
} from "./columns.ts";
