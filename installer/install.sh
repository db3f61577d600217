#!/bin/sh
# Installs the WindFlow agent on this host, enrols it and starts it; run again, it upgrades or repairs. docs/install.md says all of it.
# Everything is inside functions and the last line calls the first: a download that was cut short runs nothing.
set -eu

# Put in by the control plane that gives this script: the public keys of releases (base64 of DER), and the sha256 of SHA256SUMS.
release_keys=''
release_sums=''

oldest_glibc=2.28
# Two slots with an agent of 120 MB each, and the compressed one beside them while it is unpacked.
program_needs_mb=300
state_needs_mb=64
# Certificates and ages of status are wrong by as much as the clock is.
clock_off_seconds=300
usual_prefix=/opt/windflow-agent
usual_state=/var/lib/windflow-agent
# Far above what it takes. When it is reached the agent ends and comes back; nothing else on the host does.
memory_high=192M
memory_max=256M

usage() {
  cat <<'TEXT'
Usage: printf %s TOKEN | sh install.sh --server https://HOST:PORT --ca-sha256 HEX [options]
       sh install.sh --server https://HOST:PORT --ca-sha256 HEX --preflight
       sh install.sh --uninstall [--keep-state | --purge]

  --server URL          address of the control plane
  --ca-sha256 HEX       sha256 of the control plane's certificate authority (GET /install/ca.pem)
  --ca-file FILE        trust the authorities in this PEM file instead
  --token-file FILE     read the join token from FILE instead of standard input; nobody else may read it
  --labels K=V,K=V      labels to ask for; the token or an approver grants them
  --name NAME           name to be known by, instead of the machine's own
  --proxy URL           http://HOST:PORT that allows CONNECT; without it HTTPS_PROXY, HTTP_PROXY and NO_PROXY count, in either case
  --no-proxy LIST       what is reached without the proxy, with commas between
  --user NAME           run as this user (made when absent), who gets the group of the engine's socket; root without it
  --docker-host SOCKET  engine to use instead of /var/run/docker.sock
  --peer-address H:P    where other hosts of the site get layers of images from this one
  --allow-host-shell    let people with the right open a shell on this host
  --deny-host-shell     let nobody any more, as it is without the option above
  --agent FILE          use this agent instead of fetching one from the control plane
  --init KIND           systemd, openrc or plain; what this host runs without it
  --prefix FOLDER       where the program goes (default /opt/windflow-agent)
  --state-dir FOLDER    where the agent keeps its identity and state (default /var/lib/windflow-agent)
  --no-start            install and enrol, but leave starting the agent to you
  --preflight           only check, and say everything that was found
  --uninstall           remove the agent, its identity and state; workloads go on, and so do files that they mount
  --keep-state          with --uninstall: identity and state stay, for an agent that is installed later
  --purge               with --uninstall: files of stacks go too, whoever mounts them

Run again, what is not said stays as it was. An empty value takes an option back: --proxy '' --user ''
TEXT
}

say() { printf 'windflow: %s\n' "$*" >&2; }
fail() {
  say "$1"
  [ $# -lt 2 ] || say "What to do: $2"
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

main() {
  server='' ca_sha256='' ca_file='' token_file='' labels='' name='' proxy='' user='' docker_host='' host_shell='' peer_address=''
  agent_file='' init='' prefix='' state='' start=yes act=install keep='' purge='' work='' changed='' no_proxy_said='' said=''
  user_before='' init_before='' installed=''
  case ${0##*/} in uninstall.sh) act=uninstall ;; esac
  read_options "$@"
  recall
  [ -n "$prefix" ] || prefix=$usual_prefix
  [ -n "$state" ] || state=$usual_state
  program=$prefix/current/windflow-agent
  if [ "$act" = uninstall ]; then
    [ "$(id -u)" = 0 ] || fail 'This must run as root.' 'Run it in a root shell (sudo -i).'
    uninstall
    return
  fi
  check_options
  trap tidy EXIT
  trap 'exit 130' INT TERM HUP
  preflight
  [ "$act" = install ] || return 0
  install_agent
}

tidy() {
  [ -z "$work" ] || rm -rf "$work"
  # The line that is pasted makes a folder for this script and the authority; nobody needs them any more.
  case $0 in
    "${TMPDIR:-/tmp}"/tmp.*/install.sh)
      rm -f "${0%/*}/ca.pem" "$0"
      rmdir "${0%/*}" 2>/dev/null || true
      ;;
  esac
}

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --allow-host-shell) host_shell=yes said="$said host_shell" ;;
      --deny-host-shell) host_shell='' said="$said host_shell" ;;
      --no-start) start='' ;;
      --preflight) act=preflight ;;
      --uninstall) act=uninstall ;;
      --keep-state) keep=yes ;;
      --purge) purge=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      --*)
        [ $# -ge 2 ] || fail "$1 needs a value."
        case $1 in
          --server) server=${2%/} ;;
          --ca-sha256) ca_sha256=$2 ;;
          --ca-file) ca_file=$2 ;;
          --token-file) token_file=$2 ;;
          --labels) labels=$2 ;;
          --name) name=$2 said="$said name" ;;
          --proxy) proxy=$2 said="$said proxy" ;;
          --no-proxy) no_proxy_said=$2 said="$said no_proxy" ;;
          --user) user=$2 said="$said user" ;;
          --docker-host) docker_host=${2#unix://} said="$said docker_host" ;;
          --peer-address) peer_address=$2 said="$said peer_address" ;;
          --agent) agent_file=$2 ;;
          --init) init=$2 said="$said init" ;;
          --prefix) prefix=${2%/} said="$said prefix" ;;
          --state-dir) state=${2%/} said="$said state" ;;
          *)
            usage >&2
            fail "There is no option $1."
            ;;
        esac
        shift
        ;;
      *) fail "What is $1? Options begin with two dashes." ;;
    esac
    shift
  done
}

is_said() { case " $said " in *" $1 "*) ;; *) false ;; esac; }

# What an earlier run was told stands until it is told otherwise; none of it is taken from the environment again.
recall() {
  settings=/etc/windflow/agent/settings
  [ -f "$settings" ] || return 0
  installed=yes
  while IFS='=' read -r key value; do
    case $key in
      user) user_before=$value ;;
      init) init_before=$value ;;
    esac
    case $key in prefix | state) refuse_move "$key" "$value" ;; esac
    ! is_said "$key" || continue
    case $key in
      prefix) prefix=$value ;;
      state) state=$value ;;
      user) user=$value ;;
      init) init=$value ;;
      docker_host) docker_host=$value ;;
      host_shell) host_shell=$value ;;
      name) name=$value ;;
      proxy) proxy=$value said="$said proxy" ;;
      no_proxy) no_proxy_said=$value said="$said no_proxy" ;;
      peer_address) peer_address=$value ;;
    esac
  done <"$settings"
}

# refuse_move KEY FOLDER: one installation a host, and what lies in its folders does not move by itself.
refuse_move() {
  if [ "$act" != install ] || ! is_said "$1"; then return 0; fi
  case $1 in
    prefix) wanted=${prefix:-$usual_prefix} option=' --keep-state' ;;
    *) wanted=${state:-$usual_state} option='' ;;
  esac
  [ "$wanted" = "$2" ] || fail "The agent of this host is in $2, and not in $wanted." \
    "To move it, remove it first: sh /etc/windflow/agent/uninstall.sh$option"
}

check_options() {
  [ -n "$server" ] || fail 'Say where the control plane is: --server https://HOST:PORT.'
  case $server in
    *[!]A-Za-z0-9:/._[-]*) fail "$server has characters that no address has." ;;
    https://*) ;;
    *) fail "$server is no https:// address." ;;
  esac
  if [ -z "$ca_file" ]; then
    case $ca_sha256 in
      *[!0-9a-f]* | '') fail 'Say whom to trust: --ca-sha256 and 64 hexadecimal digits.' 'Copy the whole line from the page Hosts, Add a host.' ;;
    esac
    [ "${#ca_sha256}" = 64 ] || fail '--ca-sha256 has 64 hexadecimal digits.'
  fi
  case $docker_host$prefix$state in
    *[!A-Za-z0-9/._-]*) fail '--docker-host, --prefix and --state-dir are paths of letters, digits, and / . _ -' ;;
  esac
  for path in "$prefix" "$state" "${docker_host:-/}"; do
    case $path in /*) ;; *) fail "$path is no absolute path." ;; esac
  done
  case $user in *[!a-z0-9_-]* | -*) fail "$user is no name of a user." 'Small letters, digits, - and _ make one.' ;; esac
  case $init in '' | systemd | openrc | plain) ;; *) fail "There is no --init $init: it is systemd, openrc or plain." ;; esac
  # A service's environment is one line each, and read by a shell where there is no systemd.
  case $name in *[!A-Za-z0-9._-]*) fail '--name has letters, digits, and . _ -' ;; esac
  case $peer_address in *[!]A-Za-z0-9.:[-]*) fail '--peer-address is HOST:PORT.' ;; esac
  [ "$user" != root ] || user=''
  if ! is_said proxy; then
    for proxy in "${https_proxy:-}" "${HTTPS_PROXY:-}" "${http_proxy:-}" "${HTTP_PROXY:-}" "${ALL_PROXY:-}"; do
      [ -z "$proxy" ] || break
    done
  fi
  no_proxy=${no_proxy:-${NO_PROXY:-}}
  ! is_said no_proxy || no_proxy=$no_proxy_said
  # shellcheck disable=SC1003
  case $proxy$no_proxy in
    *[!]A-Za-z0-9:/._@%,*~+=-[]*) fail 'The proxy has characters that cannot be kept for the service.' 'Write what is odd in its password as %XX.' ;;
  esac
  case $proxy in '' | http://*) ;; *://*) fail "The proxy is not reached by http:// but by ${proxy%%://*}://." ;; *) proxy=http://$proxy ;; esac
  # Its password is for nobody's screen.
  case $proxy in *@*) shown_proxy="http://***@${proxy##*@}" ;; *) shown_proxy=$proxy ;; esac
  unset HTTPS_PROXY HTTP_PROXY ALL_PROXY NO_PROXY http_proxy
  https_proxy=$proxy
  export https_proxy no_proxy
  [ -n "$docker_host" ] || docker_host=/var/run/docker.sock
}

# ---- preflight: nothing is written but a folder for the authority, which goes again

preflight() {
  wrong=0 doubtful=0
  check_system
  check_tools
  check_identity
  check_room "$prefix" "$program_needs_mb" runs
  check_room "$state" "$state_needs_mb" ''
  # shellcheck disable=SC2086
  ! holds_others "$prefix" $prefix_marks || bad "$prefix $in_use" 'Take another folder with --prefix.'
  # shellcheck disable=SC2086
  ! holds_others "$state" $state_marks || bad "$state $in_use" 'Take another folder with --state-dir.'
  check_engine
  if has curl || has wget; then check_way; fi
  [ "$wrong" = 0 ] || fail "This host is not ready: $wrong to put right, named above. Nothing was installed."
  [ "$act" = install ] || say "This host is ready$([ "$doubtful" = 0 ] || printf ', with %s to look at' "$doubtful")."
}

good() { say "  ok    $1"; }
doubt() {
  doubtful=$((doubtful + 1))
  say "  look  $1"
  say "        what to do: $2"
}
bad() {
  wrong=$((wrong + 1))
  say "  BAD   $1"
  say "        what to do: $2"
}

check_system() {
  if [ "$(id -u)" = 0 ]; then
    good 'runs as root'
  else
    bad 'this is not root, and a program and a service are written' 'Run the line in a root shell (sudo -i).'
  fi
  [ "$(uname -s)" = Linux ] || bad "this is $(uname -s)" 'The agent runs on Linux.'
  loader=none arch=none
  case $(uname -m) in
    x86_64 | amd64) arch=x64 loader=/lib64/ld-linux-x86-64.so.2 ;;
    aarch64 | arm64) arch=arm64 loader=/lib/ld-linux-aarch64.so.1 ;;
    *) bad "there is no agent for $(uname -m)" 'The agent runs on x86-64 and 64-bit ARM.' ;;
  esac
  system=$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null || true)
  [ "$arch" = none ] || good "${system:-Linux}, $arch"
  if [ -e "$loader" ]; then
    check_libraries
  elif [ "$arch" != none ]; then
    musl=''
    # The dynamic loader of musl has this name on every architecture.
    for file in /lib/ld-musl-*; do [ ! -e "$file" ] || musl=yes; done
    if [ -n "$musl" ]; then
      bad 'this system uses musl (Alpine), and the agent needs glibc' "Run the agent as a container (the tag is what docker load says):
          curl -fsSk $server/install/ca.pem -o ca.pem && echo '$ca_sha256  ca.pem' | sha256sum -c - &&
          curl -fsS --cacert ca.pem $server/install/windflow-agent-image-linux-$arch.tar | docker load
          (umask 077; mkdir -p /var/lib/windflow-agent; printf %s TOKEN >/var/lib/windflow-agent/token)
          docker run -d --name windflow-agent --restart unless-stopped --network host --pid host --cgroupns host -v $docker_host:/var/run/docker.sock -v /var/lib/windflow-agent:/var/lib/windflow-agent -v /var/lib/windflow:/var/lib/windflow windflow/agent:VERSION run --server $server --ca-sha256 $ca_sha256 --token-file /var/lib/windflow-agent/token"
    else
      bad "there is no $loader: this system has no 64-bit glibc" 'Use a 64-bit system, or run the agent as a container.'
    fi
  fi
  if [ -z "$init" ]; then
    if [ -d /run/systemd/system ]; then init=systemd; elif [ -x /sbin/openrc-run ] && [ -d /run/openrc ]; then init=openrc; else init=plain; fi
  fi
  good "service: $init"
  [ ! -e "$prefix/trial" ] || bad 'an update of the agent is proving itself at this moment' 'Wait three minutes and run the line again.'
}

library() {
  for place in "/lib/$(uname -m)-linux-gnu" "/usr/lib/$(uname -m)-linux-gnu" /lib64 /usr/lib64 /lib /usr/lib; do
    [ ! -e "$place/$1" ] || {
      printf '%s\n' "$place/$1"
      return
    }
  done
}

check_libraries() {
  libc=$(library libc.so.6)
  # Run as a program, glibc says its version.
  glibc=$("$loader" "${libc:-none}" 2>/dev/null | sed -n '1s/.*version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' || true)
  if [ -z "$glibc" ]; then
    doubt 'the version of glibc cannot be told' "The agent needs $oldest_glibc or newer; whether it runs is tried before it is installed."
  elif [ "${glibc%.*}" -eq 2 ] && [ "${glibc#*.}" -lt "${oldest_glibc#*.}" ]; then
    bad "glibc $glibc is too old" "The agent needs $oldest_glibc or newer: a newer system, or the agent as a container."
  else
    good "glibc $glibc"
  fi
  cxx=$(library libstdc++.so.6)
  if [ -z "$cxx" ] || [ -z "$(library libgcc_s.so.1)" ]; then
    bad 'libstdc++.so.6 or libgcc_s.so.1 is missing' 'Install it: apt-get install libstdc++6, dnf install libstdc++, zypper install libstdc++6.'
  elif ! grep -q GLIBCXX_3.4.21 "$cxx"; then
    bad 'libstdc++ is too old' 'It must be of GCC 5 or newer: update it.'
  fi
}

check_tools() {
  for tool in sha256sum mktemp sed cut tr df readlink; do
    has "$tool" || bad "$tool is missing" 'Install coreutils and sed, or busybox with its links.'
  done
  has curl || has wget || bad 'neither curl nor wget is here' 'Install curl.'
  [ "$act" = preflight ] || [ -s "$state/identity.json" ] || [ -n "$token_file" ] || [ ! -t 0 ] ||
    bad 'the join token does not come by standard input' 'printf %s TOKEN | sh install.sh …, or --token-file FILE.'
  [ -z "$token_file" ] || [ -s "$token_file" ] || bad "there is no token in $token_file" 'Write it there, readable for root alone.'
  if [ -n "$token_file" ] && [ -s "$token_file" ]; then
    case $(ls -lnd "$token_file") in
      -??-------*) ;;
      *) bad "others may read $token_file" "chmod 0600 $token_file, and make a new token." ;;
    esac
  fi
  [ -z "$user" ] || has useradd || has adduser || id "$user" >/dev/null 2>&1 || bad "the user $user is not here, and cannot be made" 'Make the user yourself.'
}

# A host has one control plane. An identity that is kept while the line names another one would be a line that lies.
check_identity() {
  enrolled=$(of_identity server)
  if [ -z "$enrolled" ] || [ "$(plain_address "$enrolled")" = "$(plain_address "$server")" ]; then return 0; fi
  bad "this host is enrolled with $enrolled as $(of_identity hostName), and this line is of $server" "$how_to_move"
}
how_to_move='To move it, remove its agent and repeat the line: sh /etc/windflow/agent/uninstall.sh
          Containers go on meanwhile. Delete the host where it was; here it is a new one, that may adopt them.'
# of_identity KEY; nothing when the host is not enrolled.
of_identity() { [ ! -s "$state/identity.json" ] || sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$state/identity.json"; }
plain_address() { printf '%s\n' "$1" | sed 'y/ABCDEFGHIJKLMNOPQRSTUVWXYZ/abcdefghijklmnopqrstuvwxyz/; s/:443$//'; }

# The same address may be another control plane by now. False when the identity trusts none of the authorities of this line.
trusts_line() {
  trusted=$(of_identity trustedRoots | sed 's/\\n//g')
  [ -n "$trusted" ] || return 0
  flat=$(sed -n '/-BEGIN CERT/,/-END CERT/p' "$work/ca.pem" | sed 's/-----BEGIN CERTIFICATE-----/,/; s/-----END CERTIFICATE-----//' | tr -d '\n')
  while [ -n "$flat" ]; do
    flat=${flat#,}
    case $trusted in *"${flat%%,*}"*) return 0 ;; esac
    case $flat in *,*) flat=${flat#*,} ;; *) flat='' ;; esac
  done
  return 1
}

# check_room FOLDER MEGABYTES [runs]
check_room() {
  place=$1
  while [ ! -d "$place" ]; do
    place=${place%/*}
    [ -n "$place" ] || place=/
  done
  free=$(df -Pk "$place" 2>/dev/null | sed -n '2s/^.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*$/\1/p' || true)
  if [ -z "$free" ]; then
    doubt "how much room $1 has cannot be told" "It needs $2 MB."
  elif [ "$free" -lt $(($2 * 1024)) ]; then
    bad "$1 has $((free / 1024)) MB, and needs $2" 'Make room, or take another folder with --prefix and --state-dir.'
  else
    good "$1 has $((free / 1024)) MB"
  fi
  best='' flags=''
  while read -r _ mount _ options _; do
    case $place/ in
      "${mount%/}"/*) [ "${#mount}" -lt "${#best}" ] || best=$mount flags=,$options, ;;
    esac
  done </proc/mounts
  case $flags in *,ro,*) bad "$best is mounted read-only" "Mount it for writing, or take a folder elsewhere for $1." ;; esac
  case $3$flags in runs*,noexec,*) bad "$best does not let programs run (noexec)" 'Take a folder elsewhere with --prefix, or mount it without noexec.' ;; esac
}

# What tells a folder of ours; all of it belongs to the agent, and goes with it.
prefix_marks='launch a b'
state_marks='identity.json host-key.pem sealing-key.pem token desired spool stacks update'
in_use='holds something, and nothing of an agent'

# holds_others FOLDER MARK…
holds_others() {
  folder=$1 others=''
  shift
  for entry in "$folder"/* "$folder"/.[!.]*; do
    case $entry in
      */lost+found) ;;
      *) [ ! -e "$entry" ] || others=yes ;;
    esac
  done
  for entry in "$@"; do
    [ ! -e "$folder/$entry" ] || others=''
  done
  [ -n "$others" ]
}

check_engine() {
  if [ ! -S "$docker_host" ]; then
    doubt "there is no container engine at $docker_host" 'The host can join without one; install Docker or Podman, or say --docker-host SOCKET.'
    return
  fi
  answer=''
  if has curl; then
    answer=$(curl -s --noproxy '*' --max-time 10 --unix-socket "$docker_host" http://engine/_ping || true)
    [ "$answer" = OK ] || doubt "the engine at $docker_host does not answer" 'Look whether it runs: docker info.'
  fi
  [ -n "$user" ] || return 0
  group=$(stat -c %G "$docker_host")
  case $(stat -c %A "$docker_host")$group in
    ????rw*root) bad "the engine's socket belongs to the group root, which $user should not be in" 'Give it a group of its own (docker), or run the agent as root.' ;;
    ????rw*) ;;
    *) bad "the engine's socket is for its owner alone" 'Let a group use it (chmod g+rw), or run the agent as root.' ;;
  esac
}

# ---- the way to the control plane

check_way() {
  place=${server#https://}
  host=${place%:*}
  via=${proxy:+" through $shown_proxy"}
  work=$(mktemp -d)
  code=0
  get -k "$server/install/ca.pem" "$work/ca.pem" || code=$?
  if [ "$code" != 0 ]; then
    say_unreachable "$code"
    return
  fi
  good "DNS and TCP: $place answers$via"
  if [ -n "$ca_file" ]; then
    cp "$ca_file" "$work/ca.pem" || {
      bad "there is no $ca_file" 'Say --ca-file with a PEM file.'
      return
    }
  elif [ "$(hash_of "$work/ca.pem")" != "$ca_sha256" ]; then
    bad "the control plane shows another certificate authority than the line says ($(hash_of "$work/ca.pem"))" \
      'Copy a new line. If it happens again, something on the way answers in its place: do not go on.'
    return
  fi
  [ -n "$ca_file" ] || trusts_line ||
    bad "this host is enrolled as $(of_identity hostName) with a control plane at $enrolled whose authority was another one than this line's" "$how_to_move"
  check_clock
  if checks_tls; then
    code=0
    get '' "$server/install/ca.pem" "$work/ca.again" || code=$?
  else
    doubt 'this wget checks no certificates: what it fetches is compared with the checksums that this script came with' 'Install curl for a second lock on the door.'
    [ -n "$release_sums" ] || bad 'and this script came without checksums' 'Install curl.'
    has openssl || return 0
    code=0
    openssl s_client -connect "$place" -CAfile "$work/ca.pem" -verify_return_error </dev/null >/dev/null 2>&1 || code=$?
  fi
  case $code in
    0) good 'TLS: the certificate is of the authority that the line names' ;;
    *) bad "TLS: the certificate of $place cannot be checked with that authority (code $code)" \
      "Look at the clock; see that $host is a name in the certificate (--name of the control plane), and that no proxy opens TLS (else --ca-file)." ;;
  esac
}

# The exit codes of curl name the hop; those of wget say less.
say_unreachable() {
  if has curl; then
    case $1 in
      5) bad "DNS: the proxy $shown_proxy has no address" 'Check its name, or name the control plane in NO_PROXY.' ;;
      6) bad "DNS: $host has no address" 'Check the name and /etc/resolv.conf, or add it to /etc/hosts.' ;;
      7 | 28) bad "TCP: $place does not answer${via:-}" 'Allow outgoing TCP to it, say --proxy when this network has one, and see that the control plane runs.' ;;
      56 | 97) bad "proxy: $shown_proxy does not let us through to $place" 'Let it allow CONNECT to that port, or name the host in NO_PROXY.' ;;
      35) bad "TLS: $place does not speak TLS as it should" 'Check the port; a proxy that opens TLS needs an exception.' ;;
      *) bad "$place does not give its certificate authority${via:-} (curl $1)" 'See that this is the address and port of the control plane.' ;;
    esac
  elif is_busybox wget && ! has openssl; then
    bad "$place cannot be reached by busybox alone: its TLS is older than what the control plane speaks" 'Install curl, or openssl, which busybox then uses.'
  elif has nslookup && ! nslookup "$host" >/dev/null 2>&1 && [ -z "$proxy" ] && case $host in *[!0-9.:]*) ;; *) false ;; esac then
    bad "DNS: $host has no address" 'Check the name and /etc/resolv.conf, or add it to /etc/hosts.'
  else
    bad "$place does not answer${via:-}" 'Check the address, the firewall and the proxy between this host and the control plane.'
  fi
}

# get -k|'' URL FILE: one try, going on where FILE ends; 9 when the control plane has no such file, 10 when too many fetch. -k trusts anybody.
get() {
  url=$2 target=$3
  if has curl; then
    if [ "$1" = -k ]; then set -- -k; else set -- --cacert "$work/ca.pem"; fi
    # -f leaves what is in the file alone when the answer is none.
    http=$(curl -sf "$@" --connect-timeout 20 --speed-limit 1 --speed-time 60 -C - -o "$target" -w '%{http_code}' "$url") || {
      error=$?
      # 416: nothing is left to fetch.
      case $http in
        416) return 0 ;;
        503) return 10 ;;
        4??) return 9 ;;
      esac
      return "$error"
    }
  elif is_busybox wget; then
    # It checks no certificate by itself, and none of an address with a port with the help of openssl.
    # That one may outlive it, and must not hold what somebody reads our words from.
    wget -q -c --no-check-certificate -O "$target" "$url" 2>/dev/null
  elif [ "$1" = -k ]; then
    wget -q -c -T 60 -t 1 --no-check-certificate -O "$target" "$url"
  else
    wget -q -c -T 60 -t 1 --ca-certificate="$work/ca.pem" -O "$target" "$url"
  fi
}
is_busybox() { case $("$1" --help 2>&1 || true) in *BusyBox*) true ;; *) false ;; esac }
checks_tls() { has curl || ! is_busybox wget; }
hash_of() { sha256sum "$1" | cut -d' ' -f1; }

check_clock() {
  if has curl; then date=$(curl -skI --max-time 20 "$server/install/ca.pem" || true); else date=$(wget -S --spider --no-check-certificate "$server/install/ca.pem" 2>&1 || true); fi
  date=$(printf '%s\n' "$date" | sed -n 's/^ *[Dd]ate: [A-Z][a-z][a-z], \([0-9][0-9]\) \([A-Z][a-z][a-z]\) \([0-9]*\) \([0-9][0-9]\):\([0-9][0-9]\):\([0-9][0-9]\) GMT.*/\1 \2 \3 \4 \5 \6/p')
  [ -n "$date" ] || return 0
  # shellcheck disable=SC2086
  off=$(($(date -u +%s) - $(seconds_of $date)))
  if [ "${off#-}" -gt "$clock_off_seconds" ]; then
    doubt "the clock is $off s off the control plane's" "Set it (it is $date UTC there) and let NTP keep it."
  else
    good 'clock'
  fi
}

# seconds_of DAY MONTH YEAR HOUR MINUTE SECOND: since 1970. No `date` of all systems reads the same.
seconds_of() {
  months=JanFebMarAprMayJunJulAugSepOctNovDec
  before=${months%"$2"*}
  month=$((${#before} / 3 + 1)) year=$3
  # A year that begins in March has its odd day at the end.
  [ "$month" -gt 2 ] || {
    month=$((month + 12))
    year=$((year - 1))
  }
  days=$((365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + ${1#0} - 719469))
  printf '%s\n' "$((((days * 24 + ${4#0}) * 60 + ${5#0}) * 60 + ${6#0}))"
}

# ---- installing

install_agent() {
  etc=/etc/windflow/agent
  make_folder "$etc" 0755
  make_user
  make_folder "$prefix" 0755
  put_program
  put_file "$etc/environment" 0600 "$(environment)"
  put_file "$etc/uninstall.sh" 0755 "$(cat "$0")"
  make_folder /usr/local/bin 0755
  [ "$(readlink /usr/local/bin/windflow-agent 2>/dev/null)" = "$program" ] || {
    ln -sf "$program" /usr/local/bin/windflow-agent
    changed=yes
  }
  remember
  enroll
  own_state
  sync
  case $init_before in
    '' | "$init") ;;
    *)
      "drop_$init_before"
      # The journal has it from here on, or another file; `windflow-agent logs` must not show the old one.
      rm -f "$state"/agent.log*
      changed=yes
      ;;
  esac
  "put_$init"
  if [ -z "$start" ]; then
    say "Installed and not started. Start it with: $(start_words)"
  elif [ -n "$changed" ] || ! "runs_$init"; then
    "start_$init"
    say "The agent runs. See it with: windflow-agent status"
  else
    say 'Everything is as it should be; nothing was changed.'
  fi
  # Nothing runs as the user before any more.
  [ -z "$start" ] || drop_users "$user"
  remember
}

# make_folder FOLDER MODE: what it makes is noted, to be taken away again.
make_folder() {
  [ ! -d "$1" ] || return 0
  make_folder "$(dirname "$1")" 0755
  mkdir -m "$2" "$1"
  made="$1
${made:-}"
  changed=yes
}

# put_file FILE MODE TEXT: in one step, and only when it differs.
put_file() {
  if [ -f "$1" ] && [ "$(cat "$1")" = "$3" ]; then return; fi
  (
    umask 077
    printf '%s\n' "$3" >"$1.new"
  )
  chmod "$2" "$1.new"
  mv -f "$1.new" "$1"
  changed=yes
}

environment() {
  printf 'WINDFLOW_SLOTS=%s\nWINDFLOW_STATE_DIR=%s\nDOCKER_HOST=unix://%s\nMALLOC_ARENA_MAX=1\n' "$prefix" "$state" "$docker_host"
  [ -z "$name" ] || printf 'WINDFLOW_HOST_NAME=%s\n' "$name"
  [ -z "$peer_address" ] || printf 'WINDFLOW_PEER_ADDRESS=%s\n' "$peer_address"
  [ -z "$proxy" ] || printf 'https_proxy=%s\n' "$proxy"
  [ -z "$no_proxy" ] || printf 'no_proxy=%s\n' "$no_proxy"
}

remember() {
  # Folders that were made by an earlier run are still ours.
  earlier=$(remembered made)
  put_file "$settings" 0600 "$(
    printf '%s\n' "prefix=$prefix" "state=$state" "user=$user" "init=$init" "docker_host=$docker_host" "host_shell=$host_shell" "name=$name" "proxy=$proxy" "no_proxy=$no_proxy" "peer_address=$peer_address"
    printf '%s\n' "$made_user" | sed -n '/./s/^/made_user=/p'
    printf '%s\n' "$joined" | sed -n '/./s/^/joined=/p'
    printf '%s\n' "${made:-}" "$earlier" | sed -n '/./s/^/made=/p'
  )"
}

# remembered KEY: one a line.
remembered() { sed -n "s/^$1=//p" "$settings" 2>/dev/null || true; }

make_user() {
  # By this run or one before: what is taken away again, one a line. A membership is USER:GROUP.
  made_user=$(remembered made_user) joined=$(remembered joined)
  [ -n "$user" ] || return 0
  if ! id "$user" >/dev/null 2>&1; then
    if has useradd; then useradd --system --user-group --home-dir "$state" --no-create-home --shell /usr/sbin/nologin "$user"; else adduser -S -D -H -h "$state" -s /bin/false "$user"; fi
    made_user="$made_user
$user" changed=yes
    say "The user $user was made."
  fi
  [ -S "$docker_host" ] || return 0
  group=$(stat -c %G "$docker_host")
  case " $(id -Gn "$user") " in
    *" $group "*) ;;
    *)
      if has usermod; then usermod -aG "$group" "$user"; else addgroup "$user" "$group"; fi
      joined="$joined
$user:$group" changed=yes
      say "The user $user is in the group $group now, which is as good as root on this host: it may start any container."
      ;;
  esac
}

# drop_users [USER]: undoes what was done for users of the agent, but for this one.
drop_users() {
  left_user='' left_joined=''
  for entry in $joined; do
    who=${entry%%:*} group=${entry#*:}
    if [ "$who" = "${1:-}" ]; then
      left_joined="$left_joined
$entry"
    elif lists "$who" "$made_user"; then
      : # The membership ends with the user.
    elif has gpasswd; then
      gpasswd -d "$who" "$group" >/dev/null 2>&1 || say "The user $who could not be taken out of the group $group."
    else
      delgroup "$who" "$group" 2>/dev/null || say "The user $who could not be taken out of the group $group."
    fi
  done
  for who in $made_user; do
    if [ "$who" = "${1:-}" ]; then
      left_user=$who
    elif has userdel; then
      userdel "$who" 2>/dev/null || say "The user $who could not be removed."
    else
      deluser "$who" || say "The user $who could not be removed."
    fi
  done
  made_user=$left_user joined=$left_joined
}
# lists WORD LIST
lists() {
  for word in $2; do
    [ "$word" != "$1" ] || return 0
  done
  return 1
}

put_program() {
  # Beside the slots, so that putting it in place is a rename; the temporary folder may be small, and in memory.
  ca=$(cat "$work/ca.pem")
  rm -rf "$work"
  work=$(mktemp -d "$prefix.XXXXXX")
  printf '%s\n' "$ca" >"$work/ca.pem"
  agent=$work/windflow-agent-linux-$arch
  if [ -n "$agent_file" ]; then
    cp "$agent_file" "$agent" || fail "There is no agent in $agent_file."
    wanted=$(hash_of "$agent")
    if checks_tls; then
      fetch launch.sh "$work/launch.sh" || fail 'The control plane has no launch.sh to give.' 'Give it the whole folder of a release.'
    else
      fetch SHA256SUMS "$work/SHA256SUMS" || fail 'The control plane has no launch.sh to give.' 'Give it the whole folder of a release.'
      verify_sums
      fetch_checked launch.sh
    fi
  else
    fetch SHA256SUMS "$work/SHA256SUMS" || fail "The control plane has no agent for linux-$arch to give." \
      'Copy windflow-agent of its version to this host and repeat the line with --agent FILE.'
    verify_sums
    fetch_checked launch.sh
    wanted=$(sum_of "windflow-agent-linux-$arch")
    [ -n "$wanted" ] || fail "The control plane has no agent for linux-$arch to give." 'Repeat the line with --agent FILE.'
  fi
  # A slot that has proven itself counts, whatever `current` still says (launch.sh).
  slot=$(sed -n 's/^slot=//p' "$prefix/proven" 2>/dev/null || true)
  [ -n "$slot" ] || slot=$(readlink "$prefix/current" 2>/dev/null || true)
  if [ -n "$slot" ] && [ -f "$prefix/$slot/windflow-agent" ] && [ "$(hash_of "$prefix/$slot/windflow-agent")" = "$wanted" ]; then
    good "the agent is here already: $("$program" --version)"
  else
    [ -n "$agent_file" ] || fetch_program
    put_slot
  fi
  if ! cmp_files "$work/launch.sh" "$prefix/launch"; then
    cp "$work/launch.sh" "$prefix/launch.new"
    chmod 0755 "$prefix/launch.new"
    mv -f "$prefix/launch.new" "$prefix/launch"
    changed=yes
  fi
  give_to "$prefix"
}
# give_to FOLDER: to the user that the agent runs as, and back to root when it was another one's.
give_to() {
  if [ -n "$user" ]; then
    chown -R "$user" "$1"
  elif [ -n "$user_before" ]; then
    chown -R 0:0 "$1"
  fi
}
cmp_files() { [ -f "$2" ] && [ "$(hash_of "$1")" = "$(hash_of "$2")" ]; }
sum_of() { sed -n "s/^\([0-9a-f]\{64\}\)  $1\$/\1/p" "$work/SHA256SUMS"; }

# fetch NAME FILE: goes on where it broke off.
fetch() {
  tries=0 waits=0
  while :; do
    code=0
    get '' "$server/install/$1" "$2" || code=$?
    case $code in
      0) return 0 ;;
      9) return 1 ;;
      10)
        # A place becomes free every few seconds; a whole site that installs at once takes minutes.
        waits=$((waits + 1))
        [ "$waits" -lt 120 ] || return 1
        sleep 5
        continue
        ;;
    esac
    tries=$((tries + 1))
    [ "$tries" -lt 8 ] || return 1
    sleep $((tries * 2))
  done
}

fetch_checked() {
  fetch "$1" "$work/$1" || fail "$1 could not be fetched." 'Run the line again.'
  [ "$(hash_of "$work/$1")" = "$(sum_of "$1")" ] || fail "$1 does not match its checksum." 'Try again; the download was damaged.'
}

# Who can only change what lies in the download folder is caught by the first of these that the host can do.
verify_sums() {
  checked=''
  if [ -n "$release_sums" ]; then
    [ "$(hash_of "$work/SHA256SUMS")" = "$release_sums" ] || fail 'The checksums are not those that this script came with.' 'Copy a new line: the control plane may have been upgraded since.'
    checked='the checksums that this script came with'
  fi
  if [ -n "$release_keys" ]; then
    fetch SHA256SUMS.sig "$work/SHA256SUMS.sig" || fail 'The checksums are not signed.' 'Put the files of the release back on the control plane.'
    if has openssl && openssl pkeyutl -help 2>&1 | grep -q rawin; then
      signed_by_one || fail 'The checksums are not signed by a key of the release.' 'Do not use these files: fetch them again from where they were released.'
      checked="${checked:+$checked, }the signature (openssl)"
    fi
  fi
  if checks_tls; then checked="${checked:+$checked, }TLS"; fi
  good "what is fetched is checked by: ${checked:-nothing}"
  case $checked in
    *signature*) ;;
    *) [ -z "$release_keys" ] || good 'there is no openssl here that knows Ed25519: the signature is checked by the agent itself, once it is unpacked' ;;
  esac
}

signed_by_one() {
  for key in $release_keys; do
    printf -- '-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n' "$key" >"$work/key.pem"
    ! openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -rawin -in "$work/SHA256SUMS" -sigfile "$work/SHA256SUMS.sig" >/dev/null 2>&1 || return 0
  done
  return 1
}

fetch_program() {
  file=windflow-agent-linux-$arch
  if has zstd && [ -n "$(sum_of "$file.zst")" ]; then
    fetch_checked "$file.zst"
    zstd -dqf "$work/$file.zst" -o "$agent"
  elif has gzip && [ -n "$(sum_of "$file.gz")" ]; then
    fetch_checked "$file.gz"
    gzip -dc "$work/$file.gz" >"$agent"
  else
    fetch_checked "$file"
  fi
  [ "$(hash_of "$agent")" = "$wanted" ] || fail 'The agent does not match its checksum.' 'Try again; the download was damaged.'
}

put_slot() {
  chmod 0755 "$agent"
  "$agent" --version >/dev/null || fail 'The agent does not run on this system.' 'The lines above say what it misses.'
  if [ -n "$release_keys" ] && [ -z "$agent_file" ]; then
    # The agent that is here checks its successor; the first one checks itself by the keys that are compiled into it.
    verifier=$agent
    [ ! -x "$program" ] || verifier=$program
    "$verifier" verify "$agent" >/dev/null || fail 'The agent is not signed by a key that it trusts.' 'Do not use these files: fetch them again from where they were released.'
  fi
  next=a
  [ "$slot" != a ] || next=b
  # An installation of an earlier kind had its program right here.
  [ -L /usr/local/bin/windflow-agent ] || rm -f /usr/local/bin/windflow-agent
  # An installation that came no further than to its program has none.
  [ -z "$slot" ] || "stop_$init" || say 'There is no service to stop, or it did not stop; it is started anew at the end.'
  mkdir -p "$prefix/a" "$prefix/b"
  mv -f "$agent" "$prefix/$next/windflow-agent"
  sync
  # What an update of its own left behind: this is another one.
  for file in trial proven reverted verdict starts running; do rm -f "$prefix/$file"; done
  ln -s "$next" "$prefix/current.new"
  mv -fT "$prefix/current.new" "$prefix/current" 2>/dev/null || {
    rm -f "$prefix/current"
    mv -f "$prefix/current.new" "$prefix/current"
  }
  changed=yes
  say "$("$program" --version) is in $prefix/$next${slot:+; the one before stays in $prefix/$slot}."
}

enroll() {
  if [ -e "$state/identity.json" ]; then
    good "this host is enrolled already ($state): its identity is kept, the token is not used"
    return
  fi
  make_folder "$state" 0700
  remember
  trust="--ca-sha256 $ca_sha256"
  [ -z "$ca_file" ] || trust="--ca-file $ca_file"
  # shellcheck disable=SC2086
  "$program" enroll --state-dir "$state" --server "$server" $trust --docker-host "unix://$docker_host" \
    ${labels:+--labels "$labels"} ${name:+--name "$name"} ${host_shell:+--allow-host-shell} ${token_file:+--token-file "$token_file"} ||
    fail 'The host was not enrolled; the agent is installed and not started.' \
      'The line above says why. Run the line again with a good token, or undo all of it: sh /etc/windflow/agent/uninstall.sh'
  changed=yes
}

own_state() {
  give_to "$state"
  # Files of stacks are where every installed agent has them, unless its state is elsewhere.
  stacks=/var/lib/windflow/stacks
  [ "$state" = $usual_state ] || return 0
  if [ -n "$user" ]; then
    make_folder $stacks 0700
    remember
    chown "$user" $stacks
    # Those of an agent that was root's. What a stack gave to others stays theirs.
    [ -n "$user_before" ] || [ -z "$installed" ] || ! has find || find $stacks -user 0 -exec chown -h "$user" {} +
  elif [ -n "$user_before" ] && [ -d $stacks ]; then
    chown 0:0 $stacks
  fi
}

# ---- services

arguments() { printf 'run --state-dir %s%s' "$state" "${host_shell:+ --allow-host-shell}"; }
start_words() {
  case $init in
    systemd) echo 'systemctl start windflow-agent' ;;
    openrc) echo 'rc-service windflow-agent start' ;;
    plain) echo 'sh /etc/windflow/agent/service start' ;;
  esac
}

unit=/etc/systemd/system/windflow-agent.service
put_systemd() {
  if [ -n "$user" ]; then
    rights="User=$user
SupplementaryGroups=$(stat -c %G "$docker_host" 2>/dev/null || echo "$user")
CapabilityBoundingSet="
  else
    # Files of stacks belong to whom the stack says; the figures of other users' processes are read.
    rights='CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SYS_PTRACE'
  fi
  make_folder /etc/systemd/system 0755
  before=$changed changed=''
  put_file "$unit" 0644 "[Unit]
Description=WindFlow agent
Documentation=$server
Wants=network-online.target
After=network-online.target docker.service docker.socket podman.socket
# It is never given up: a link that is away for a week comes back.
StartLimitIntervalSec=0

[Service]
ExecStart=$prefix/launch $(arguments)
EnvironmentFile=/etc/windflow/agent/environment
Restart=always
RestartSec=2
KillMode=mixed
TimeoutStopSec=30
LimitNOFILE=65536
# It is not the reason why a workload ends: it goes first, and comes back.
MemoryAccounting=yes
MemoryHigh=$memory_high
MemoryMax=$memory_max
TasksMax=256
OOMScoreAdjust=900
$rights
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=$prefix $state -/var/lib/windflow
ProtectHome=read-only
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077

[Install]
WantedBy=multi-user.target"
  make_folder /var/lib/windflow 0755
  remember
  if [ -n "$changed" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
  if [ ! -e /etc/systemd/system/multi-user.target.wants/windflow-agent.service ]; then
    make_folder /etc/systemd/system/multi-user.target.wants 0755
    remember
    ln -s "$unit" /etc/systemd/system/multi-user.target.wants/windflow-agent.service
    changed=yes
  fi
  changed=$changed$before
}
runs_systemd() { systemctl is-active --quiet windflow-agent.service; }
start_systemd() { systemctl restart windflow-agent.service; }
stop_systemd() { systemctl stop windflow-agent.service; }
drop_systemd() {
  [ -e "$unit" ] || return 0
  if [ -d /run/systemd/system ]; then stop_systemd || say 'The service could not be stopped; it is removed nevertheless.'; fi
  rm -f "$unit" /etc/systemd/system/multi-user.target.wants/windflow-agent.service
  [ ! -d /run/systemd/system ] || systemctl daemon-reload
}

put_openrc() {
  put_file /etc/init.d/windflow-agent 0755 "#!/sbin/openrc-run
description='WindFlow agent'
supervisor=supervise-daemon
command=$prefix/launch
command_args='$(arguments)'
${user:+command_user=$user}
pidfile=/run/windflow-agent.pid
respawn_delay=2
respawn_max=0
retry=TERM/30/KILL/5
rc_ulimit='-n 65536'
# Of cgroup 2, and of cgroup 1.
rc_cgroup_settings='memory.high $memory_high
memory.max $memory_max'
rc_cgroup_memory='memory.limit_in_bytes $memory_max'
set -a
. /etc/windflow/agent/environment
set +a
depend() {
  after localmount
  use dns net
  after docker podman firewall net
}"
  if [ ! -e /etc/runlevels/default/windflow-agent ]; then
    rc-update add windflow-agent default >/dev/null
    changed=yes
  fi
}
runs_openrc() { rc-service --quiet windflow-agent status >/dev/null 2>&1; }
start_openrc() { if runs_openrc; then rc-service windflow-agent restart; else rc-service windflow-agent start; fi >&2; }
stop_openrc() { rc-service windflow-agent stop >&2; }
drop_openrc() {
  [ ! -e /etc/init.d/windflow-agent ] || stop_openrc || say 'The service could not be stopped; it is removed nevertheless.'
  rc-update del windflow-agent default >/dev/null 2>&1 || true
  rm -f /etc/init.d/windflow-agent /run/windflow-agent.pid
  # Those of cgroup 1 are left by OpenRC.
  for group in /sys/fs/cgroup/*/openrc_windflow-agent /sys/fs/cgroup/openrc/windflow-agent; do rmdir "$group" 2>/dev/null || true; done
}

# No init that keeps programs running: a script starts the agent, and starts it again when it ends.
put_plain() {
  plain_command="$prefix/launch $(arguments)"
  if [ -n "$user" ]; then
    # su asks PAM, and stays between.
    case $(setpriv --help 2>&1 || true) in
      *--reuid*) plain_command="setpriv --reuid $user --regid $(id -g "$user") --init-groups $plain_command" ;;
      *) plain_command="su -s /bin/sh $user -c 'exec $plain_command'" ;;
    esac
  fi
  put_file /etc/windflow/agent/service 0755 "#!/bin/sh
# start, stop or status of the WindFlow agent on a host without an init system that does it.
pid_file=/run/windflow-agent.pid
# Of cgroup 1 or 2; where the host has neither, or keeps it to itself, there is no limit.
group=/sys/fs/cgroup/windflow-agent
[ ! -f /sys/fs/cgroup/memory/memory.limit_in_bytes ] || group=/sys/fs/cgroup/memory/windflow-agent
limit() {
  [ -f \"\${group%/*}/cgroup.procs\" ] || return 0
  echo +memory >\"\${group%/*}/cgroup.subtree_control\"
  mkdir \"\$group\"
  for limit in memory.high=$memory_high memory.max=$memory_max memory.limit_in_bytes=$memory_max; do
    [ ! -f \"\$group/\${limit%=*}\" ] || echo \"\${limit#*=}\" >\"\$group/\${limit%=*}\"
  done
  echo 0 >\"\$group/cgroup.procs\"
} 2>/dev/null
alive() { [ -s \"\$pid_file\" ] && kill -0 \"\$(cat \"\$pid_file\")\" 2>/dev/null && grep -q windflow \"/proc/\$(cat \"\$pid_file\")/cmdline\"; }
case \$1 in
  start)
    ! alive || exit 0
    set -a
    . /etc/windflow/agent/environment
    set +a
    sh \"\$0\" keep >/dev/null 2>&1 </dev/null &
    ;;
  keep)
    # Whoever started it may hang up.
    trap \"\" HUP
    echo \$\$ >\"\$pid_file\"
    trap 'trap \"\" TERM; kill -TERM \$child; wait \$child; exit 0' TERM INT
    while :; do
      (
        limit
        exec $plain_command
      ) &
      child=\$!
      wait \$child
      sleep 2 &
      child=\$!
      wait \$child
    done
    ;;
  stop)
    alive || exit 0
    pid=\$(cat \"\$pid_file\")
    kill -TERM \"\$pid\"
    count=0
    while kill -0 \"\$pid\" 2>/dev/null && [ \$count -lt 35 ]; do
      sleep 1
      count=\$((count + 1))
    done
    rm -f \"\$pid_file\"
    rmdir \"\$group\" 2>/dev/null || true
    ;;
  status) alive ;;
esac"
}
runs_plain() { sh /etc/windflow/agent/service status; }
stop_plain() { sh /etc/windflow/agent/service stop; }
start_plain() {
  stop_plain
  sh /etc/windflow/agent/service start
  tries=0
  until runs_plain; do
    tries=$((tries + 1))
    [ "$tries" -lt 10 ] || fail 'The agent did not start.' 'Say sh /etc/windflow/agent/service start, and look at agent.log in its state folder.'
    sleep 1
  done
  say 'This host has no systemd and no OpenRC: let whatever it starts with run sh /etc/windflow/agent/service start, e.g. by'
  say '@reboot in the crontab of root, or a line in /etc/rc.local.'
}
drop_plain() {
  [ ! -f /etc/windflow/agent/service ] || stop_plain
  rm -f /etc/windflow/agent/service
}

# ---- uninstalling

uninstall() {
  if [ ! -f "$settings" ] && [ ! -e "$prefix" ] && [ ! -e "$unit" ] && [ ! -e "$state" ]; then
    say 'There is no agent here; nothing was changed.'
    return
  fi
  # shellcheck disable=SC2086
  ! holds_others "$prefix" $prefix_marks || fail "$prefix $in_use: nothing was removed." 'Say --prefix with the folder of the installation.'
  # shellcheck disable=SC2086
  ! holds_others "$state" $state_marks || fail "$state $in_use: nothing was removed." 'Say --state-dir with the folder of the installation.'
  [ -n "$init" ] || init=systemd
  stacks=$state/stacks
  [ "$state" != $usual_state ] || stacks=/var/lib/windflow/stacks
  running=$("$program" stacks --state-dir "$state" 2>/dev/null || true)
  made=$(remembered made) made_user=$(remembered made_user) joined=$(remembered joined)
  "drop_$init"
  rm -rf "$prefix"
  rm -f /usr/local/bin/windflow-agent /etc/windflow/agent/environment /etc/windflow/agent/uninstall.sh
  [ -z "$purge" ] || rm -rf "$stacks"
  # Containers mount them, so they are theirs to keep.
  rmdir "$stacks" 2>/dev/null || true
  if [ -z "$keep" ]; then
    rm -f "$settings"
    for entry in "$state"/* "$state"/.[!.]*; do
      [ "$entry" = "$stacks" ] || rm -rf "$entry"
    done
    rmdir "$state" 2>/dev/null || true
    drop_users
    printf '%s\n' "$made" | while IFS= read -r folder; do
      [ -z "$folder" ] || rmdir "$folder" 2>/dev/null || true
    done
    say 'The agent is removed, and its identity with it: the host stays on the page Hosts until it is deleted there.'
  else
    say "The agent is removed; its identity and state stay in $state for the next one."
  fi
  if [ -n "$running" ]; then
    say 'These workloads go on, and nobody watches over them now:'
    printf '%s\n' "$running" >&2
  else
    say 'Containers that it started go on.'
  fi
  [ ! -d "$stacks" ] || say "Files of stacks stay in $stacks, as containers may mount them: --uninstall --purge removes them."
}

main "$@"
