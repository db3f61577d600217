import { defineComponent, h, shallowRef, watch, type PropType, type Slot } from "vue";
import type { Column } from "./column.ts";

/** By the keys of the columns, and "wide": what is drawn for a row. */
export type Cells = Readonly<Record<string, Slot | undefined>>;

/**
 * A row of a DataTable, which draws many: a component of its own, so that rows that stay are left alone while a table is scrolled, and
 * a function in place of a template, since a slot in a slot is two more nodes for each cell.
 */
export default defineComponent({
  name: "DataRow",
  props: {
    row: { type: null as unknown as PropType<unknown>, required: true },
    /** Whose row it is: with another one it is another row, in the same place of the document. */
    identity: { type: String, required: true },
    columns: { type: Array as PropType<readonly Column[]>, required: true },
    cells: { type: Object as PropType<Cells>, required: true },
    /** Position in the whole list, from 0. */
    index: { type: Number, required: true },
    /** Pixels from the top of the list. */
    top: { type: Number, required: true },
    template: { type: String, required: true },
    /** One cell over the whole width. */
    wide: { type: Boolean, required: true },
  },
  setup(props) {
    const element = shallowRef<HTMLElement | null>(null);
    // The focus does not pass to another row by scrolling: it goes to the table, whose keys scroll.
    watch(
      () => props.identity,
      () => {
        if (element.value?.contains(document.activeElement))
          element.value.closest<HTMLElement>("[role=table]")?.focus({ preventScroll: true });
      },
    );
    const cell = (column: Column) =>
      h(
        "div",
        { key: column.key, role: "cell", class: ["cell", column.align] },
        props.cells[column.key]?.({ row: props.row }),
      );
    return () =>
      h(
        "div",
        {
          ref: element,
          class: "data",
          role: "row",
          "aria-rowindex": props.index + 2,
          style: { gridTemplateColumns: props.template, transform: `translateY(${props.top}px)` },
        },
        props.wide
          ? [
              h(
                "div",
                { key: "wide", role: "cell", class: "cell cell--wide", "aria-colspan": props.columns.length },
                props.cells["wide"]?.({ row: props.row }),
              ),
            ]
          : props.columns.map(cell),
      );
  },
});
