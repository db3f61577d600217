#!/bin/sh
# Counts seconds into the shared volume. The count goes on where it stopped, whatever happened to this container.
stop=
trap 'stop=1' TERM INT
count=$(cat /heartbeat/count 2>/dev/null || echo 0)
while [ -z "$stop" ]; do
  count=$((count + 1))
  echo "$count" > /heartbeat/count
  printf '{"beats":%d,"container":"%s","at":"%s"}\n' "$count" "$(hostname)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" > /heartbeat/next
  mv /heartbeat/next /heartbeat/pulse.json
  [ $((count % 10)) -eq 0 ] && echo "beat $count"
  sleep 1 &
  wait $!
done
echo "stopped at beat $count"
