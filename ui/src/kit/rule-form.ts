import { computed, ref, watch, type Ref } from "vue";

export interface RuleForm<Rule, Fault> {
  rule: Ref<Rule>;
  patch(change: Partial<Rule>): void;
  /** Whether somebody has asked for it to be saved: nobody is told of faults in what they have not typed yet. */
  tried: Ref<boolean>;
  /** What is wrong with a part of it, in words, once it was tried. */
  said(fault: Fault): string | undefined;
  /** Tries it: whether it has no fault. */
  isSound(): boolean;
}

/** A rule that is edited in a sheet: a copy of the stored one, or a new one, each time that it opens. */
export function useRuleForm<Rule extends object, Fault extends string>(form: {
  open: Readonly<Ref<boolean>>;
  stored(): Rule | undefined;
  fresh(): Rule;
  faults(rule: Rule): readonly Fault[];
  words(fault: Fault): string;
  /** What else begins anew. */
  opened?(rule: Rule): void;
}): RuleForm<Rule, Fault> {
  const rule = ref(form.fresh()) as Ref<Rule>;
  const tried = ref(false);
  const faults = computed(() => form.faults(rule.value));
  watch(form.open, (now) => {
    if (!now) return;
    const stored = form.stored();
    rule.value = stored === undefined ? form.fresh() : structuredClone(stored);
    tried.value = false;
    form.opened?.(rule.value);
  });
  return {
    rule,
    patch: (change) => (rule.value = { ...rule.value, ...change }),
    tried,
    said: (fault) => (tried.value && faults.value.includes(fault) ? form.words(fault) : undefined),
    isSound: () => {
      tried.value = true;
      return faults.value.length === 0;
    },
  };
}
