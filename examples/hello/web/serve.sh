#!/bin/sh
# As process 1 the server itself would ignore the stop signal; the shell passes it on.
trap 'kill "$server"; exit 0' TERM INT
echo "serving on port 8080 from container $(hostname)"
httpd -f -v -p 8080 -h /www &
server=$!
wait "$server"
