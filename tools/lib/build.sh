# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
# Build variants, each in build/VARIANT. Sourced; needs $root.

export HOME="${HOME:-$root/build}"  # ccache wants one.
export CCACHE_NOHASHDIR=1            # The same source gives the same object in any checkout.

variant_options() {  # VARIANT
    case "$1" in
        release) echo "--buildtype=release -Db_lto=false" ;;
        debug)   echo "--buildtype=debugoptimized" ;;
        asan)    echo "-Doptimization=1 -Ddebug=true -Db_sanitize=address,undefined -Db_lundef=false" ;;
        tsan)    echo "-Doptimization=1 -Ddebug=true -Db_sanitize=thread -Db_lundef=false" ;;
        *)       echo "No build variant '$1': release, debug, asan or tsan." >&2; return 1 ;;
    esac
}

configure() {  # VARIANT [MESON OPTION...]
    local folder="$root/build/$1" options
    options=$(variant_options "$1")
    shift
    if [ ! -f "$folder/build.ninja" ]; then
        # shellcheck disable=SC2086  # Several options in one string.
        meson setup $options "$@" "$folder" "$root"
    elif [ $# -gt 0 ]; then
        meson configure "$@" "$folder"
    fi
}

build() {  # VARIANT [TARGET...]
    configure "$1"
    ninja -C "$root/build/$1" "${@:2}"
}
