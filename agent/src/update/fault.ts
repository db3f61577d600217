/** Named moments between two steps that change something; tests end the process at each of them. */
export type FaultPoint = (point: string) => void;

export const NO_FAULTS: FaultPoint = () => undefined;
