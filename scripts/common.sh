# Sourced by the other scripts: talking, packages, Node, building.
# shellcheck shell=bash
set -euo pipefail

SELF=${0##*/}
REPO=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
readonly SELF REPO
# Where a version of FastContainer lies on a host, see scripts/install.
readonly HOME_DIR=/usr/lib/fastcontainer UNITS_DIR=/usr/lib/systemd/system POLKIT_RULE=/usr/share/polkit-1/rules.d/50-fastcontainer.rules
# A Node of our own, for a Debian whose own is too old: that of the package fastcontainer-node, or of npm's package `node`.
# And the link to the one that a host has chosen.
readonly NODE_HOME=/usr/lib/fastcontainer-node
readonly NODE_LINK=$NODE_HOME/node
readonly NODE_NEEDED=20.18.1
# The release with long-term support that npm's package `node` brings.
readonly NODE_LTS=24.21.0

# What a FastContainer host needs. Without recommends podman comes without netavark,
# which apps do not use but podman wants to find. nft and ip look protocols up by name in netbase's /etc/protocols.
readonly HOST_PACKAGES=(podman crun conmon netavark skopeo nftables iproute2 netbase dbus polkitd procps ca-certificates)
# What a machine needs that boots such hosts within itself (scripts/testhost).
readonly MACHINE_PACKAGES=(systemd systemd-container util-linux curl)

say() { printf '%s: %s\n' "$SELF" "$*" >&2; }
die() { say "$*"; exit 1; }

need_root() { [[ $EUID -eq 0 ]] || die "needs root: $1"; }

#--- packages -----------------------------------------------------------------

need_debian() {
	local id version
	id=$(. /etc/os-release && echo "${ID:-}")
	version=$(. /etc/os-release && echo "${VERSION_ID:-}")
	[[ $id == debian && ($version == 12 || $version == 13) ]] ||
		say "made for Debian 12 and 13, this is ${id:-unknown} ${version:-}: going on, but nobody has tried"
	command -v apt-get >/dev/null || die "there is no apt-get here to install packages with"
}

package_missing() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) != installed ]]; }

# Installs those of the packages that are not there; touches nothing, not even the network, when all are.
apt_install() {
	local package missing=()
	for package; do ! package_missing "$package" || missing+=("$package"); done
	((${#missing[@]})) || return 0
	say "installing ${missing[*]}"
	apt_quietly update
	DEBIAN_FRONTEND=noninteractive apt_quietly install -y --no-install-recommends "${missing[@]}"
}

# apt_install for a machine that needs the programs of some servers (a database, the benchmark's peers …) and did not ask
# for the servers: those that come with it do not run, nor will they.
install_packages() {
	local server fresh=()
	for server in "${!SERVERS[@]}"; do ! package_missing "$server" || fresh+=("$server"); done
	apt_install "$@"
	for server in "${fresh[@]}"; do systemctl disable --quiet --now "${SERVERS[$server]}.service" 2>/dev/null || true; done
}
declare -rA SERVERS=([mariadb-server]=mariadb [docker-registry]=docker-registry [nginx-light]=nginx [haproxy]=haproxy [caddy]=caddy [prometheus]=prometheus)

# apt-get with its talk kept for the case of failure. Debian's mirrors and other
# apt runs (a fresh cloud machine starts one by itself) get some patience.
apt_quietly() {
	local log
	log=$(mktemp)
	if ! apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		rm -f "$log"
		die "apt-get $* failed (its last lines are above)"
	fi
	rm -f "$log"
}

#--- Node ---------------------------------------------------------------------

# Prints the path of a node that is new enough, if there is one.
find_node() {
	local node
	for node in "$NODE_HOME/bin/node" /usr/bin/node /usr/local/bin/node "$(command -v node || true)" "$NODE_HOME/node_modules/node/bin/node"; do
		if [[ -x $node ]] && new_enough "$("$node" --version 2>/dev/null)"; then
			echo "$node"
			return 0
		fi
	done
	return 1
}

new_enough() { dpkg --compare-versions "${1#v}" ge "$NODE_NEEDED"; }

# Debian's own Node where it is new enough (13), else npm's package `node`.
ensure_node() {
	! find_node >/dev/null || return 0
	need_debian
	apt_quietly update
	local candidate
	candidate=$(apt-cache policy nodejs | awk '$1 == "Candidate:" { print $2 }')
	if new_enough "${candidate%%+*}"; then
		apt_install nodejs
	else
		say "Debian's Node is ${candidate:-not there}, older than $NODE_NEEDED: bringing Node $NODE_LTS with npm"
		apt_install npm
		npm install --prefix "$NODE_HOME" --no-save --no-audit --no-fund --loglevel=error "node@$NODE_LTS" ||
			die "npm could not install its package node@$NODE_LTS; install Node $NODE_NEEDED or newer in some other way and try again"
	fi
	find_node >/dev/null || die "Node $NODE_NEEDED or newer did not arrive, though its installation did not fail"
}

ensure_npm() {
	ensure_node
	command -v npm >/dev/null || apt_install npm
}

# fetch_node VERSION ARCHITECTURE DIR: what npm's package `node` would bring, in DIR (bin/node, LICENSE, …), for Debian's name of
# an architecture.
fetch_node() {
	mkdir -p "$3"
	(cd "$3" && npm pack --silent "node-linux-${2/amd64/x64}@$1" >/dev/null && tar -xzf ./*.tgz --strip-components=1 && rm ./*.tgz) ||
		die "npm has no Node $1 for $2 just now"
}

# The node found first in PATH, for npm and the programs it calls.
use_node() {
	local node
	node=$(find_node) || die "no node of $NODE_NEEDED or newer is here"
	PATH=$(dirname "$node"):$PATH
	export PATH
}
