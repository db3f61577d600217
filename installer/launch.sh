#!/bin/sh
# Starts the agent of an installation, and undoes an update of it that does not work. It takes the agent's arguments:
#     /opt/windflow-agent/launch run --state-dir /var/lib/windflow-agent
# It stands between the agent and whatever keeps it running (systemd, OpenRC's supervise-daemon, a shell), needs nothing of
# the agent's program, and is not replaced by an update. POSIX sh: dash and busybox are enough.
#
# Files, all in the folder of this script. KEY=VALUE lines; what is not known is passed over. Each is put in place by a rename.
#   a/windflow-agent, b/windflow-agent   the two slots
#   current    a link to the slot that is started; only the agent changes it
#   trial      a slot is to prove itself (written by the agent that hands over): slot=a|b, limit=SECONDS, and more for the agents
#   starts     how often the slot on trial was started (written here, before each start)
#   proven     what `trial` becomes once the new agent is proven; until `current` is changed too, its slot counts as the current one
#   reverted   what `trial` becomes when it was undone; the old agent reads and removes it
#   verdict    why it was undone: why=cannot-run|ended|silent|interrupted|unreadable|no-room, code=EXIT, starts=N, seconds=N
#   running    the process on trial: its boot, its id, its start time
# `trial` is renamed either by the agent to `proven` or here to `reverted`: whoever is first has decided.
#
# Without `trial` the agent takes the place of this process. With it, this process is the agent's parent, forwards TERM, INT
# and HUP as TERM, and does not leave before it. The agent is told: WINDFLOW_SLOTS, WINDFLOW_SLOT, and WINDFLOW_LAUNCHER=waits
# while this process is its parent; it then hands over by ending with 75, and by starting this script in its own place otherwise.
# Seconds are counted here one by one: a clock that is set, or a machine that sleeps, does not end a trial.

# One more than a machine that loses its power twice needs.
most_starts=3
# From TERM to KILL: what the agent does at that moment may end.
grace_seconds=10
# For a `trial` that says none.
usual_limit=150
handing_over=75

main() {
  slots=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 78
  WINDFLOW_SLOTS=$slots
  # Read by libc before the program runs: one arena keeps the memory of its threads small.
  MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-1}
  export WINDFLOW_SLOTS MALLOC_ARENA_MAX
  # From its first moment on: when memory is short the kernel ends the agent, and no workload. A unit of systemd has set it already.
  { echo 900 >/proc/self/oom_score_adj; } 2>/dev/null || true
  stopped='' given_up='' child='' code=0
  # point: begun
  end_orphan
  [ ! -f "$slots/trial" ] || try_slot "$@"
  # point: becoming
  unset WINDFLOW_LAUNCHER
  slot=$(entry proven slot)
  [ -n "$slot" ] || slot=$(readlink "$slots/current")
  if [ -z "$slot" ]; then
    printf 'windflow: %s/current is missing: make it a link to the slot with the agent, a or b.\n' "$slots" >&2
    exit 78
  fi
  export WINDFLOW_SLOT="${slot##*/}"
  exec "$slots/$slot/windflow-agent" "$@"
}

try_slot() {
  slot=$(entry trial slot) limit=$(entry trial limit)
  case $limit in '' | *[!0-9]* | ???????*) limit=$usual_limit ;; esac
  case $slot in
    a | b) ;;
    *)
      undo why=unreadable
      return
      ;;
  esac
  trap forward TERM INT HUP
  ended=''
  while [ -z "$given_up" ] && on_trial; do
    starts=$(head -n 1 "$slots/starts" 2>/dev/null)
    case $starts in '' | *[!0-9]* | ????*) starts=0 ;; esac
    if [ "$starts" -ge "$most_starts" ]; then
      undo "${ended:-why=interrupted}" "starts=$starts"
      break
    fi
    if ! is_program; then
      undo why=cannot-run
      break
    fi
    # point: counting
    if ! put starts "$((starts + 1))"; then
      undo why=no-room
      break
    fi
    # point: counted
    start_child "$@"
    watch_child "$@"
  done
  trap - TERM INT HUP
  [ -z "$stopped" ] || exit 0
}

# False once the slot is proven or undone. An agent that was proven may have put the next one on trial within the same second.
on_trial() {
  [ "$(entry trial slot)" = "$slot" ]
}

# Anything else would be taken for a shell script: what a disk lost may read as zeros.
is_program() {
  case $(dd if="$slots/$slot/windflow-agent" bs=4 count=1 2>/dev/null) in
    '#!'* | ?ELF) [ -x "$slots/$slot/windflow-agent" ] ;;
    *) return 1 ;;
  esac
}

# Returns when the trial was undone, or the agent ended and may be started once more.
watch_child() {
  ticks=0
  while kill -0 "$child" 2>/dev/null; do
    [ -z "$stopped" ] || leave
    # point: watching
    on_trial || follow "$@"
    if [ "$ticks" -ge "$limit" ] && undo why=silent "starts=$((starts + 1))" "seconds=$ticks"; then
      end_child
      return
    fi
    tick
  done
  collect
  rm -f "$slots/running"
  [ -z "$stopped" ] || leave
  on_trial || finish "$@"
  # point: ended
  ended="why=ended code=$code seconds=$ticks"
  case $code in
    126 | 127) undo why=cannot-run "code=$code" ;;
    *) tick ;;
  esac
}

start_child() {
  code=0
  [ -z "$stopped" ] || leave
  become_child "$@" &
  child=$!
  # point: started
  # A signal may have come before the id was known.
  [ -z "$stopped" ] || kill -TERM "$child" 2>/dev/null
}

# In a process of its own, that is noted before the agent begins in it: without this launcher somebody must know of it.
become_child() {
  trap - TERM INT HUP
  IFS= read -r line </proc/self/stat
  mark "${line%% *}" >"$slots/running"
  kill -0 "$$" 2>/dev/null || exit 1
  WINDFLOW_SLOT=$slot WINDFLOW_LAUNCHER=waits
  export WINDFLOW_SLOT WINDFLOW_LAUNCHER
  exec "$slots/$slot/windflow-agent" "$@"
}

forward() {
  stopped=yes
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}

# The new agent is proven. This process goes on as its parent: it cannot give its place to a process that runs already.
follow() {
  # point: proven
  collect
  finish "$@"
}

finish() {
  rm -f "$slots/running"
  # point: finished
  if [ "$code" = "$handing_over" ] && [ -z "$stopped" ]; then
    trap - TERM INT HUP
    exec "$slots/launch" "$@"
  fi
  exit "$code"
}

# Somebody stops the agent in the middle of its trial: it goes on with the next start, and this one does not count.
leave() {
  [ -z "$child" ] || collect
  ! on_trial || put starts "$starts"
  rm -f "$slots/running"
  exit "$code"
}

# Waits for the child's end. A signal ends one `wait`, not the child.
collect() {
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  child=''
}

end_child() {
  # point: undone
  kill -TERM "$child" 2>/dev/null
  ticks=0
  while [ "$ticks" -lt "$grace_seconds" ] && kill -0 "$child" 2>/dev/null; do tick; done
  kill -KILL "$child" 2>/dev/null
  collect
  rm -f "$slots/running"
  # point: cleared
}

# An agent on trial whose launcher was killed is nobody's: it ends before another one begins.
end_orphan() {
  [ -f "$slots/running" ] || return 0
  read -r boot pid rest <"$slots/running"
  case $pid in
    '' | *[!0-9]*) ;;
    *)
      ticks=0
      while [ "$(mark "$pid")" = "$boot $pid $rest" ]; do
        if [ "$ticks" -lt "$grace_seconds" ]; then kill -TERM "$pid"; else kill -KILL "$pid"; fi
        tick
      done
      ;;
  esac
  # point: alone
  rm -f "$slots/running"
}

# What tells a process from every other one, also after a reboot; nothing when it has ended.
mark() {
  IFS= read -r line 2>/dev/null <"/proc/$1/stat" || return 0
  read -r boot_id </proc/sys/kernel/random/boot_id
  process=$1
  # The name, in brackets, may have blanks in it.
  # shellcheck disable=SC2086
  set -- ${line##*) }
  [ "$1" = Z ] || printf '%s %s %s\n' "$boot_id" "$process" "${20}"
}

# One second, or less when a signal comes.
tick() {
  sleep 1 &
  wait "$!"
  ticks=$((ticks + 1))
}

# undo WORD…: false when the agent was proven at this moment. On a disk that cannot be written the old agent is started all the same.
undo() {
  put verdict "$(for word in "$@"; do printf '%s\n' "$word"; done | tr ' ' '\n')"
  # point: judged
  if ! mv "$slots/trial" "$slots/reverted" 2>/dev/null; then
    [ -f "$slots/trial" ] || return 1
    given_up=yes
    return 0
  fi
  # point: reverted
  durable "$slots"
}

# put NAME TEXT: whole after a power cut, or as it was before.
put() {
  printf '%s\n' "$2" 2>/dev/null >"$slots/$1.new" || return 1
  durable "$slots/$1.new"
  mv -f "$slots/$1.new" "$slots/$1" || return 1
  durable "$slots"
}

# Older tools know no `sync FILE`.
durable() {
  sync "$1" 2>/dev/null || sync
}

# entry FILE KEY
entry() {
  [ ! -f "$slots/$1" ] || sed -n "s/^$2=//p" "$slots/$1" | head -n 1
}

main "$@"
