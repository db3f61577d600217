import type { Component } from "vue";

export type MenuEntry =
  | { kind: "line" }
  | { kind: "label"; label: string }
  | {
      kind?: "item";
      label: string;
      icon?: Component;
      danger?: boolean;
      disabled?: boolean;
      checked?: boolean;
      run: () => void;
    };
