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

# From where earlier versions had the links of the doors that open at boot; once no fc-sync of theirs runs any more.
door_links() {
	[[ -d $OWN_UNITS/fc-apps.target.wants ]] || return 0
	mkdir -p "$OWN_UNITS/fc-doors.target.wants"
	find "$OWN_UNITS/fc-apps.target.wants" -name 'fc-app-*.socket' -exec mv -t "$OWN_UNITS/fc-doors.target.wants" {} +
}

# Units that can be enabled, one a line; how fc-sync runs is chosen by fc-provision.
installable_units() { (cd "$UNITS_DIR" && grep -lx '\[Install\]' fc-*); }

# Those that are new here. What somebody has disabled stays so.
enable_new_units() {
	local known=/var/lib/fastcontainer/units fresh
	mapfile -t fresh < <(installable_units | grep -v '^fc-sync' | grep -vxF -f <(cat "$known" 2>/dev/null))
	((${#fresh[@]} == 0)) || systemctl enable --quiet --no-reload "${fresh[@]}"
	installable_units >"$known.new"
	mv "$known.new" "$known"
}

# This version takes over from the one that runs, if any does. A restart of fc-proxy loses nothing: systemd holds its ports.
# systemctl is that of the caller: systemctl, or deb-systemd-invoke.
take_over() {
	local systemctl=$1 unit lasting enabled=()
	enable_new_units
	# Services that go on running while nobody asks for them.
	mapfile -t lasting < <(cd "$UNITS_DIR" && grep -L '^Type=oneshot' fc-*.service | grep -v @)
	# A reload costs a dense host seconds, in which PID 1 starts nothing.
	! systemctl show --property=NeedDaemonReload --value "${lasting[@]}" | grep -qx yes || systemctl daemon-reload
	"$systemctl" try-restart "${lasting[@]}"
	door_links
	for unit in $(installable_units); do ! systemctl is-enabled --quiet "$unit" || enabled+=("$unit"); done
	"$systemctl" start "${enabled[@]}"
	say "enabled are ${enabled[*]}"
}
