# Sourced by scripts/provision and by the Debian package's maintainer scripts, after common.sh: what is to be done on a
# host once the files of a version (scripts/install) lie in their places.
# shellcheck shell=bash

readonly OWN_UNITS=/etc/systemd/system

has_systemd() { [[ -d /run/systemd/system ]]; }

# What the commands in /usr/bin run on; replaced at once, as somebody may be starting one.
choose_node() {
	local node
	node=$(find_node) || die "no Node $NODE_NEEDED or newer is here"
	[[ $(readlink "$NODE_LINK") != "$node" ]] || return 0
	mkdir -p "${NODE_LINK%/*}"
	ln -sfn "$node" "$NODE_LINK.new"
	mv -fT "$NODE_LINK.new" "$NODE_LINK"
}

account_and_folders() {
	systemd-sysusers fastcontainer.conf
	systemd-tmpfiles --create fastcontainer.conf
}

# Earlier versions had the units in /etc/systemd/system, where they would hide those of this one, and the polkit rule in
# /etc. Only they had the rule there; so what an operator keeps in /etc later is never touched.
leave_old_places() {
	local old_rule=/etc/polkit-1/rules.d/50-fastcontainer.rules path name
	[[ -e $old_rule ]] || return 0
	for path in "$UNITS_DIR"/fc-*; do
		name=$OWN_UNITS/${path##*/}
		[[ ! -f $name || -L $name ]] || rm "$name"
	done
	# What was enabled stays so, at the new place.
	for path in "$OWN_UNITS"/*.wants/fc-*; do
		name=$(sed 's/@.*\./@./' <<<"${path##*/}")
		[[ -e $path || ! -e $UNITS_DIR/$name ]] || ln -sfn "$UNITS_DIR/$name" "$path"
	done
	rm "$old_rule"
}

# Units that an operator enables, one a line.
installable_units() { (cd "$UNITS_DIR" && grep -lx '\[Install\]' fc-*); }

# Services that go on running while nobody asks for them: those that an upgrade has to restart.
lasting_services() { (cd "$UNITS_DIR" && grep -L '^Type=oneshot' fc-*.service | grep -v @); }
