/** Programs of ours, with the flags of Node that each has as an executable. From its sources the control plane has them too. */
export const NODE_FLAGS = {
  // A small heap for young objects keeps 10 MB on small hosts. Without compilers of hot code 5 MB less are written and 13 MB of Node's
  // own pages stay on the disk; the agent waits more than it computes, and what it computes much of is native: the simplest of them would
  // save a twelfth of its processor for 2 to 5 MB. A small heap is collected by one thread before others have woken up, for 1 MB less.
  "windflow-agent": [
    "--max-semi-space-size=1",
    "--optimize-for-size",
    "--no-opt",
    "--no-maglev",
    "--no-sparkplug",
    "--single-threaded-gc",
  ],
  // A collection of young objects holds everything up for 9 ms in place of 25 (2,500 hosts at rest). With the heap of 32 MB that Node would
  // choose, a collection of all objects begins as soon as the one before is over: V8 keeps as much room as that to spare.
  "windflow-control-plane": ["--max-semi-space-size=16"],
} as const;
