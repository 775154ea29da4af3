// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A campaign: a broker on a core of its own, attackers at full speed on the others, and between
// them honest clients. The same process must be there afterwards, within its memory, the honest
// clients' 99th percentile within three times what it was without attackers, and nothing
// acknowledged lost.
//
//   hostile_mix SECONDS [SEED]
#include "millrace/admin.h"
#include "tests/hostile/attacker.h"
#include "tests/hostile/honest_traffic.h"
#include "tests/support/broker_process.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sched.h>
#include <sys/resource.h>

namespace millrace::testing {
namespace {

constexpr std::uint32_t kHonestRate = 500;
constexpr std::uint32_t kPartitions = 2;
constexpr std::uint32_t kAttackers = 4;
constexpr int kBrokerCore = 0;
constexpr std::chrono::seconds kWarmUp{2};
constexpr double kSlowerMax = 3.0;
constexpr std::uint64_t kMiB = 1U << 20;
// memory.total, and what the process needs for itself.
constexpr std::uint64_t kMemoryMax = (256 + 64) * kMiB;

void run_on(pid_t process, bool broker_core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    const auto count = static_cast<int>(std::thread::hardware_concurrency());
    for (int core = 0; core < count; ++core) {
        if ((core == kBrokerCore) == broker_core || count == 1) CPU_SET(core, &cores);
    }
    sched_setaffinity(process, sizeof cores, &cores);
}

std::uint64_t peak_memory(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/status");
    for (std::string word; file >> word;) {
        std::uint64_t kibibytes = 0;
        if (word == "VmHWM:" && file >> kibibytes) return kibibytes * 1024;
    }
    return 0;
}

void create(Admin& admin, const std::string& name) {
    NewTopic topic;
    topic.name = name;
    topic.partitions = kPartitions;
    const auto created = admin.create_topic(topic);
    if (!created) throw std::runtime_error(created.error().message);
}

engine::PartitionKey victim_of(Admin& admin) {
    create(admin, "victim");
    const auto topic = admin.describe_topic("victim").value();
    engine::PartitionKey key;
    key.topic.bytes = topic.id.bytes;
    return key;
}

class Attackers {
public:
    Attackers(const std::string& address, const engine::PartitionKey& victim, std::uint64_t seed) {
        for (std::uint32_t index = 0; index < kAttackers; ++index) {
            attackers_.push_back(std::make_unique<Attacker>(address, victim, seed + index));
            threads_.emplace_back([this, &attacker = *attackers_.back()] { attack(attacker); });
        }
    }

    ~Attackers() {
        attacking_ = false;
        for (auto& thread : threads_)
            thread.join();
    }

    Attackers(const Attackers&) = delete;
    Attackers& operator=(const Attackers&) = delete;

    void tell() {
        attacking_ = false;
        for (auto& thread : threads_)
            thread.join();
        threads_.clear();
        for (std::size_t kind = 0; kind < attackers_.front()->counts().size(); ++kind) {
            std::uint64_t sum = 0;
            for (const auto& attacker : attackers_)
                sum += attacker->counts()[kind].attacks;
            std::printf("  %-16s %10llu\n",
                        std::string(attackers_.front()->counts()[kind].name).c_str(),
                        static_cast<unsigned long long>(sum));
        }
    }

private:
    void attack(Attacker& attacker) {
        // The honest clients on the same core come first, or their wait would be measured.
        setpriority(PRIO_PROCESS, 0, 19);
        while (attacking_) {
            try {
                attacker.attack();
            } catch (const std::runtime_error&) {
                // Turned away: that is the broker's right.
            }
        }
    }

    std::atomic<bool> attacking_{true};
    std::vector<std::unique_ptr<Attacker>> attackers_;
    std::vector<std::thread> threads_;
};

void tell(const char* when, const Latencies& latencies) {
    const auto us = [](std::chrono::nanoseconds time) { return time.count() / 1000; };
    std::printf("%s: %llu records, p50 %lld us, p99 %lld us, most %lld us\n",
                when,
                static_cast<unsigned long long>(latencies.count),
                static_cast<long long>(us(latencies.median)),
                static_cast<long long>(us(latencies.p99)),
                static_cast<long long>(us(latencies.maximum)));
    std::fflush(stdout);
}

bool expect(bool holds, const char* claim) {
    std::printf("%-4s %s\n", holds ? "ok" : "FAIL", claim);
    return holds;
}

void pass(std::chrono::seconds time) {
    std::this_thread::sleep_for(time);  // lint: allowed, the campaign is measured in time
}

int run(std::chrono::seconds time, std::uint64_t seed) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    const DataDirectory directory;
    BrokerProcess broker({.data_directory = directory.path(),
                          .settings = {"node.shards=1", "memory.total=256MiB"},
                          .arguments = {}});
    const auto process = broker.process().pid();
    run_on(process, true);
    run_on(0, false);
    auto client = Client::connect({.addresses = broker.address()}).value();
    auto admin = Admin::open(client).value();
    const auto victim = victim_of(admin);
    create(admin, "honest");
    HonestTraffic honest(broker.address(), "honest", kPartitions, kHonestRate);

    pass(kWarmUp);
    static_cast<void>(honest.take_latencies());
    pass(std::max(time / 20, std::chrono::seconds(10)));
    const auto alone = honest.take_latencies();
    tell("alone", alone);
    Attackers attackers(broker.address(), victim, seed);
    pass(time);
    const auto attacked = honest.take_latencies();
    tell("under attack", attacked);
    attackers.tell();
    const auto lost = honest.finish();
    const auto memory = peak_memory(process);
    const double slower = static_cast<double>(attacked.p99.count()) /
                          static_cast<double>(std::max<std::int64_t>(alone.p99.count(), 1));
    std::printf(
            "%llu acknowledged, %llu refused, %llu lost; memory at most %llu MiB; p99 %.1f "
            "times as long\n",
            static_cast<unsigned long long>(honest.acknowledged()),
            static_cast<unsigned long long>(honest.refused()),
            static_cast<unsigned long long>(lost),
            static_cast<unsigned long long>(memory / kMiB),
            slower);
    bool good = expect(memory > 0, "the broker is the same process");
    good &= expect(memory <= kMemoryMax, "its memory stayed within 320 MiB");
    good &= expect(lost == 0 && honest.acknowledged() > 0, "nothing acknowledged is lost");
    good &= expect(honest.refused() == 0, "no honest record was refused");
    good &= expect(slower <= kSlowerMax, "the honest p99 is at most three times as long");
    return good && broker.stop() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace millrace::testing

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: hostile_mix SECONDS [SEED]\n");
        return 2;
    }
    try {
        const std::uint64_t seed =
                argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device()();
        return millrace::testing::run(std::chrono::seconds(std::atoi(argv[1])), seed);
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "hostile_mix: %s\n", failed.what());
        return 1;
    }
}
