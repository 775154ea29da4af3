#!/usr/bin/env bash
# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
# Both README commands in a bare Debian root, from this machine's own apt sources.
# usage: tools/dev bare [--suite bookworm]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tools/lib/packages.sh"
suite=bookworm
while [ $# -gt 0 ]; do
    case "$1" in
        --suite) suite=$2; shift 2 ;;
        *) echo "usage: tools/dev bare [--suite NAME]" >&2; exit 2 ;;
    esac
done
[ "$(id -u)" -eq 0 ] || { echo "tools/dev bare needs root: debootstrap and chroot." >&2; exit 2; }
install_packages bare

# The first archive this machine itself installs from, with its apt configuration and keys.
mirror=$(apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -m 1 -v security || true)
[ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(REPO_URI)' | head -n 1)
bare=$(mktemp -d "${TMPDIR:-/var/tmp}/millrace-bare-XXXXXX")
chmod 755 "$bare"  # It is the root directory of an ordinary user there, too.
cleanup() {
    umount -R "$bare/proc" "$bare/dev" 2>/dev/null || true
    rm -rf --one-file-system "$bare"
}
trap cleanup EXIT

echo "Making a bare $suite root:"
keyring=()
[ -f /usr/share/keyrings/debian-archive-keyring.gpg ] &&
    keyring=(--keyring=/usr/share/keyrings/debian-archive-keyring.gpg)
debootstrap --variant=minbase "${keyring[@]}" "$suite" "$bare" "$mirror" | tail -n 3
if [ "$suite" = "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" ]; then
    rm -f "$bare/etc/apt/sources.list"
    cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d "$bare/etc/apt/"
    cp -r /etc/apt/keyrings /etc/apt/trusted.gpg.d "$bare/etc/apt/" 2>/dev/null || true
fi
mkdir -p "$bare/millrace" "$bare/etc/ssl"
cp -r /etc/ssl/certs "$bare/etc/ssl/" 2>/dev/null || true
cp /etc/resolv.conf /etc/hosts "$bare/etc/" 2>/dev/null || true
tar -C "$root" --exclude=./.git --exclude=./build -cf - . | tar -C "$bare/millrace" -xf -
mount -t proc proc "$bare/proc"
mount --rbind /dev "$bare/dev" && mount --make-rslave "$bare/dev"

run_in_root() { chroot "$bare" /usr/bin/env -i /bin/bash -c "cd /millrace && $1"; }

began=$SECONDS
run_in_root tools/quickstart
quickstart=$((SECONDS - began))
began=$SECONDS
run_in_root tools/test
echo "tools/quickstart: $quickstart s; tools/test: $((SECONDS - began)) s ($suite, $(nproc) cores)"
