#!/bin/sh
# Installs the WindFlow agent on this host, enrols it and starts it. The join token is read from standard input.
# Everything is inside functions and the last line calls the first: a download that was cut short runs nothing.
set -eu

usage() {
  cat <<'TEXT'
Usage: printf %s TOKEN | sh install.sh --server https://HOST:PORT --ca-sha256 HEX [options]
       sh install.sh --uninstall

  --server URL         address of the control plane
  --ca-sha256 HEX      sha256 of the control plane's certificate authority (GET /install/ca.pem)
  --agent FILE         use this agent instead of fetching one from the control plane
  --docker-host SOCKET engine to use instead of /var/run/docker.sock
  --allow-host-shell   let people with the right open a shell on this host
  --prefix FOLDER      where the program goes (default /usr/local/bin)
  --state-dir FOLDER   where the agent keeps its identity and state (default /var/lib/windflow-agent)
  --no-start           enrol, but leave starting the agent to you
  --uninstall          stop the agent and remove it; containers, volumes, the files that they mount and the agent's state stay
TEXT
}

say() { printf 'windflow: %s\n' "$*" >&2; }
fail() {
  say "$1"
  [ $# -lt 2 ] || say "What to do: $2"
  exit 1
}

main() {
  state=/var/lib/windflow-agent server='' ca_sha256='' agent_file='' docker_host='' host_shell='' prefix=/usr/local/bin start=yes uninstall=''
  while [ $# -gt 0 ]; do
    case $1 in
      --server | --ca-sha256 | --agent | --docker-host | --prefix | --state-dir)
        [ $# -ge 2 ] || fail "$1 needs a value."
        case $1 in
          --server) server=${2%/} ;;
          --ca-sha256) ca_sha256=$2 ;;
          --agent) agent_file=$2 ;;
          --docker-host) docker_host=$2 ;;
          --prefix) prefix=$2 ;;
          --state-dir) state=$2 ;;
        esac
        shift
        ;;
      --allow-host-shell) host_shell=yes ;;
      --no-start) start='' ;;
      --uninstall) uninstall=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      *)
        usage >&2
        fail "There is no option $1."
        ;;
    esac
    shift
  done
  [ "$(id -u)" = 0 ] || fail 'This must run as root: it writes a program and a service.' 'Run it in a root shell (sudo -i).'
  if [ -n "$uninstall" ]; then
    remove_agent
    return
  fi
  preflight
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  fetch_authority
  put_program
  enroll
  [ -z "$start" ] || start_agent
}

preflight() {
  [ -n "$server" ] || fail 'Say where the control plane is: --server https://HOST:PORT.'
  case $server in
    *[!]A-Za-z0-9:/._[-]*) fail "$server has characters that no address has." ;;
    https://*) ;;
    *) fail "$server is no https:// address." ;;
  esac
  case $ca_sha256 in
    *[!0-9a-f]* | '') fail 'Say whom to trust: --ca-sha256 and 64 hexadecimal digits.' 'Copy the whole line from the page Hosts, Add a host.' ;;
  esac
  [ "${#ca_sha256}" = 64 ] || fail '--ca-sha256 has 64 hexadecimal digits.'
  case $docker_host$prefix$state in
    *[!A-Za-z0-9:/._-]*) fail '--docker-host, --prefix and --state-dir are paths of letters, digits, and : / . _ -' ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "There is no agent for $(uname -m)." 'The agent runs on x86-64 and 64-bit ARM.' ;;
  esac
  # The dynamic loader of musl has this name on every architecture.
  for loader in /lib/ld-musl-*; do
    [ ! -e "$loader" ] || fail 'This system uses musl (Alpine), and the agent needs glibc.' 'Run the agent as a container on this host.'
  done
  command -v sha256sum >/dev/null || fail 'sha256sum is missing.' 'Install coreutils.'
  command -v curl >/dev/null || command -v wget >/dev/null || fail 'Neither curl nor wget is here.' 'Install curl.'
}

# Fetches without trust the one thing that is compared with the hash; all else is fetched with the trust that it gives.
fetch_authority() {
  if command -v curl >/dev/null; then
    curl -fsSk --max-time 30 "$server/install/ca.pem" -o "$work/ca.pem" || unreachable
  else
    wget -q --no-check-certificate -T 30 -O "$work/ca.pem" "$server/install/ca.pem" || unreachable
  fi
  found=$(sha256sum "$work/ca.pem" | cut -d' ' -f1)
  [ "$found" = "$ca_sha256" ] ||
    fail "The control plane shows another certificate authority than the line says ($found)." \
      'Copy a new line. If it happens again, something on the way answers in its place: do not go on.'
}

unreachable() {
  fail "$server does not answer." 'Check the address, the firewall and the proxy between this host and the control plane.'
}

fetch() {
  if command -v curl >/dev/null; then
    curl -fsS --cacert "$work/ca.pem" --retry 3 "$server/install/$1" -o "$2"
  else
    wget -q --ca-certificate="$work/ca.pem" -O "$2" "$server/install/$1"
  fi
}

put_program() {
  program=$prefix/windflow-agent
  if [ -n "$agent_file" ]; then
    cp "$agent_file" "$work/agent" || fail "There is no agent in $agent_file."
  elif fetch "windflow-agent-linux-$arch" "$work/agent"; then
    verify_program
  elif command -v windflow-agent >/dev/null; then
    program=$(command -v windflow-agent)
    say "The control plane has no agent for $arch to give; using $program, which is here already."
    return
  else
    fail "The control plane has no agent for linux-$arch to give." \
      'Copy windflow-agent of its version to this host and repeat the line with --agent FILE.'
  fi
  mkdir -p "$prefix"
  # Beside and then over it: a running agent keeps the old file until it is started anew.
  cp "$work/agent" "$program.new"
  chmod 0755 "$program.new"
  if ! "$program.new" --version >/dev/null; then
    rm -f "$program.new"
    fail 'The agent does not run on this system.' 'It needs glibc 2.28 or newer.'
  fi
  mv -f "$program.new" "$program"
  say "$program is in place: $("$program" --version)."
}

verify_program() {
  fetch SHA256SUMS "$work/SHA256SUMS" || fail 'The control plane gives an agent without its checksum.'
  wanted=$(sed -n "s/^\([0-9a-f]\{64\}\)  windflow-agent-linux-$arch\$/\1/p" "$work/SHA256SUMS")
  found=$(sha256sum "$work/agent" | cut -d' ' -f1)
  [ -n "$wanted" ] && [ "$wanted" = "$found" ] || fail 'The agent does not match its checksum.' 'Try again; the download was damaged.'
}

enroll() {
  if [ -e "$state/identity.json" ]; then
    say "This host is enrolled already ($state); its identity is kept and the token is not used."
    return
  fi
  [ ! -t 0 ] || fail 'The join token comes by standard input.' "printf %s TOKEN | sh install.sh …"
  "$program" enroll --state-dir "$state" --server "$server" --ca-file "$work/ca.pem" ||
    fail 'The host was not enrolled.' 'The line above says why. A used or expired token is replaced by a new one.'
}

start_agent() {
  if [ ! -d /run/systemd/system ]; then
    say "There is no systemd here. Start the agent with: $program run --state-dir $state"
    return
  fi
  write_unit
  systemctl daemon-reload
  systemctl enable --quiet windflow-agent.service
  systemctl restart windflow-agent.service
  say 'The agent runs. See it with: systemctl status windflow-agent'
}

write_unit() {
  options="--state-dir $state"
  [ -z "$docker_host" ] || options="$options --docker-host $docker_host"
  [ -z "$host_shell" ] || options="$options --allow-host-shell"
  cat >"$unit" <<UNIT
[Unit]
Description=WindFlow agent
Documentation=$server
Wants=network-online.target
After=network-online.target docker.service docker.socket

[Service]
ExecStart=$program run $options
Restart=always
RestartSec=2
KillMode=mixed
TimeoutStopSec=30
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=read-only
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
UNIT
}

remove_agent() {
  if [ -d /run/systemd/system ] && [ -e "$unit" ]; then
    systemctl disable --quiet --now windflow-agent.service || say 'The service could not be stopped; it is removed nevertheless.'
  fi
  rm -f "$unit" "$prefix/windflow-agent"
  [ ! -d /run/systemd/system ] || systemctl daemon-reload
  say "The agent is removed. Containers go on; the identity is still in $state: remove that folder to forget it."
  # Containers mount them, so they are theirs to keep.
  [ ! -d /var/lib/windflow/stacks ] || say 'Files of stacks are in /var/lib/windflow/stacks: remove that folder when no container mounts them any more.'
}

unit=/etc/systemd/system/windflow-agent.service
main "$@"
