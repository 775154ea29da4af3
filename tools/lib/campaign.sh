# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
# Long searches for lost records. Sourced; needs $root and build.sh.

campaign_crash() {  # SECONDS
    build release tests/crash/{crash_enumeration,damage,fault_sweep,full_disk}_test
    local folder="$root/build/release/tests/crash" seed=${MILLRACE_CRASH_SEED:-$RANDOM$RANDOM}
    local workloads status=0
    workloads=$("$folder/crash_enumeration_test" --gtest_list_tests | grep -c '^  ')
    echo "Seeds count from $seed on (MILLRACE_CRASH_SEED); a finding names the variable that replays it."
    MILLRACE_CRASH_SEED=$seed MILLRACE_CRASH_BUDGET=${MILLRACE_CRASH_BUDGET:-20} \
        MILLRACE_CRASH_SECONDS=$(($1 / workloads + 1)) \
        "$folder/crash_enumeration_test" --gtest_brief=1 || status=1
    for name in damage fault_sweep full_disk; do
        MILLRACE_CRASH_BUDGET=20 "$folder/${name}_test" --gtest_brief=1 || status=1
    done
    return "$status"
}

campaign_kill() {
    build release
    echo "100 kills on each backend; a failure prints its seed (of the load: kills fall by the clock)."
    MILLRACE_KILL_CYCLES=${MILLRACE_KILL_CYCLES:-100} \
        meson test -C "$root/build/release" --no-rebuild --verbose integration_kill
}

campaign_hostile() {  # SECONDS
    build release broker/millraced tests/hostile/hostile_mix
    MILLRACE_TEST_MILLRACED="$root/build/release/broker/millraced" \
        "$root/build/release/tests/hostile/hostile_mix" "$1" ${MILLRACE_HOSTILE_SEED:-}
}

verb_campaign() {  # crash|kill|hostile [--seconds N]
    local what=${1:-} seconds=600
    if [ "${2:-}" = --seconds ] && [ $# -eq 3 ]; then
        seconds=$3
    elif [ $# -gt 1 ]; then
        what=
    fi
    case "$what" in
        crash) campaign_crash "$seconds" ;;
        kill)  campaign_kill ;;
        hostile) campaign_hostile "$seconds" ;;
        *)     echo "usage: tools/dev campaign {crash|kill|hostile} [--seconds N]" >&2; exit 2 ;;
    esac
}
