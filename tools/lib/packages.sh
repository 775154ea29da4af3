# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
# Packages: says what is missing, then installs it with apt. Sourced; needs $root.

export PATH  # The shell has one of its own even where the environment is empty.

packages_of() {  # GROUP...: the packages of these groups, one a line
    local group
    for group in "$@"; do
        awk -v group="$group" '$1 == group {print $2}' "$root/tools/packages.txt"
    done
}

print_libraries() {  # for a machine that is not Debian
    echo "This machine has no apt. Millrace needs these, in these versions or later:"
    awk '$1 !~ /^#/ && NF >= 4 {
        name = $3; for (i = 4; i < NF; i++) name = name " " $i
        printf "  %-22s %-8s (%s; Debian: %s)\n", name, $NF, $1, $2 }' "$root/tools/packages.txt"
    echo "With them installed: meson setup build && ninja -C build && meson test -C build"
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {  # GROUP...
    if ! command -v apt-get >/dev/null; then
        print_libraries
        exit 1
    fi
    local missing=() package
    for package in $(packages_of "$@"); do
        is_installed "$package" || missing+=("$package")
    done
    if [ "${#missing[@]}" -eq 0 ]; then
        echo "All packages are installed."
        return
    fi
    install_named "${missing[@]}"
}

install_named() {  # PACKAGE...
    echo "To be installed with apt:"
    printf '  %s\n' "$@"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "Neither root nor sudo: install them, then run this again." >&2
            exit 1
        }
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "$@"
}

# For what may be left out: each package alone, so that one that is not to be had stops no other.
install_what_there_is() {  # GROUP
    local package
    for package in $(packages_of "$1"); do
        is_installed "$package" || (install_named "$package") ||
            echo "$package could not be installed." >&2
    done
}
