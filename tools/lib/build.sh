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
        fuzz)    echo "-Doptimization=2 -Ddebug=true -Db_sanitize=address,undefined -Db_lundef=false -Dfuzzers=true" ;;
        coverage) echo "-Doptimization=0 -Ddebug=true" ;;
        *)       echo "No build variant '$1': release, debug, asan, tsan, fuzz or coverage." >&2; return 1 ;;
    esac
}

# libFuzzer and its kind of coverage are clang's.
variant_compiler() {
    local cached=
    command -v ccache >/dev/null && cached="ccache "
    case "$1" in
        fuzz)     echo "${cached}clang++-19" ;;
        coverage) echo "${cached}clang++-19 -fprofile-instr-generate -fcoverage-mapping" ;;
    esac
}

configure() {  # VARIANT [MESON OPTION...]
    local variant=$1 folder="$root/build/$1" options compiler
    options=$(variant_options "$1")
    compiler=$(variant_compiler "$1")
    shift
    if [ ! -f "$folder/build.ninja" ]; then
        # shellcheck disable=SC2086  # Several options in one string.
        env ${compiler:+CXX="$compiler"} meson setup $options "$@" "$folder" "$root"
    elif [ $# -gt 0 ]; then
        meson configure "$@" "$folder"
    fi
}

build() {  # VARIANT [TARGET...]
    configure "$1"
    ninja -C "$root/build/$1" "${@:2}"
}
