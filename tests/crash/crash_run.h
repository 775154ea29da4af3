// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One run of the engine on a simulated disk, from recovery to stop, with a model that learns what
// the run promises and checks what it recovers and reads.
#pragma once

#include "tests/crash/crash_model.h"
#include "tests/crash/crash_workload.h"
#include "tests/support/sim_engine_host.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace millrace::testing {

class CrashRun {
public:
    // `model` is what earlier runs left; it may be empty of batches, never of logs.
    CrashRun(SimDisk& disk,
             engine::Arena& arena,
             const Model& model,
             const SimEngineOptions& options);
    ~CrashRun();
    CrashRun(const CrashRun&) = delete;
    CrashRun& operator=(const CrashRun&) = delete;

    // Starts the engine, opens every log, reads all of it and checks it. False: the engine did not
    // start (failed operations are no complaint when `faults` are on).
    bool recover(Ending ending);

    // Appends this many batches of the workload's kind, with reads and waits in between, and waits
    // for every acknowledgement. False: the engine has failed, or the storage is full.
    bool work(const CrashWorkload& workload, std::uint32_t batches, std::uint64_t seed);

    // Lets this much time pass.
    void idle(engine::MonotonicTime time);

    // Reads all that every log shows and checks it. Failing reads are counted, not complained of.
    void read_everything();

    // A clean stop. False: the engine had failed.
    bool stop();

    // An operation of the disk may fail: an engine that gives up is no finding.
    void expect_faults(bool expect = true) { faults_ = expect; }

    // What was promised up to now. Consistent at every operation of the disk.
    [[nodiscard]] const Model& model() const { return model_; }

    [[nodiscard]] const std::vector<std::string>& wrong() const { return wrong_; }

    [[nodiscard]] SimEngineHost& host() { return host_; }

    [[nodiscard]] std::uint64_t acked() const { return acked_; }

    [[nodiscard]] std::uint64_t failed_reads() const { return failed_reads_; }

    // Acknowledgements by a shard that knew of a failure. Until another shard has been told, it may
    // say what it has flushed.
    [[nodiscard]] std::uint64_t acked_after_failure() const { return acked_after_failure_; }

private:
    struct Listener;
    struct Append;
    struct Atomic;

    struct Compaction : engine::CompactOp {
        bool finished = false;
    };

    // What a slow reader still refers to.
    struct Held {
        std::size_t log = 0;
        engine::Offset from;
        std::vector<engine::Slice> slices;
        std::vector<std::byte> bytes;  // As they were when it was read.
    };

    using Batches = std::vector<std::shared_ptr<const ModelBatch>>;

    [[nodiscard]] bool append(std::size_t log, engine::Bytes batch, engine::Durability durability);
    // Appends once there is room and the log's producers are known.
    [[nodiscard]] engine::Result<void> append_when_possible(std::size_t log, engine::AppendOp& op);
    [[nodiscard]] bool await_room(std::size_t log, std::uint64_t bytes);
    [[nodiscard]] bool await_producers(std::size_t log);
    [[nodiscard]] bool await_release(std::size_t log);
    // Begins an atomic append to some logs that no other one is under way to.
    void append_atomically(const CrashWorkload& workload);
    // Until the log is held by the atomic append that is under way to it, if one is.
    [[nodiscard]] bool await_hold(std::size_t log);
    void atomic_done(Atomic& atomic);
    // What an idempotent producer does after a crash: it sends again what it had on its way.
    [[nodiscard]] bool send_again(std::size_t log, const Batches& sent);
    // Sends a batch of the log's producer once more; it must be the duplicate that it is.
    [[nodiscard]] bool append_duplicate(std::size_t log, const ModelBatch& batch);
    [[nodiscard]] bool await_acks();
    void append_done(Append& append);
    void delete_random();
    // Begins a compaction, which goes on meanwhile.
    void compact_random();
    [[nodiscard]] bool await_compactions();
    void check_read(std::size_t log, engine::Offset from, engine::Offset to, engine::Bytes bytes);
    void read_random();
    void look_up_random_time();
    void hold(std::size_t log, engine::Offset from, std::vector<engine::Slice> slices);
    void check_held();
    // What readers find the log to begin with, they find for ever.
    engine::Offset see_start(std::size_t log);
    // Batches from `from` to `limit`; false: the read failed.
    [[nodiscard]] bool read(std::size_t log,
                            engine::Offset from,
                            engine::Offset limit,
                            std::vector<std::byte>& into);
    void complain(std::string what);

    SimDisk& disk_;
    FakeClock clock_;
    Model model_;
    std::vector<std::string> wrong_;
    std::mt19937_64 random_;
    SimEngineHost host_;
    std::vector<engine::Log*> logs_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::deque<std::unique_ptr<Append>> appends_;
    std::deque<std::unique_ptr<Atomic>> atomics_;
    std::vector<Atomic*> under_way_;  // By log; null: none.
    std::uint64_t atomic_count_ = 0;
    std::deque<Held> held_;
    std::deque<Compaction> compactions_;
    std::size_t unacked_ = 0;
    std::uint64_t acked_ = 0;
    std::uint64_t acked_after_failure_ = 0;
    std::uint64_t failed_reads_ = 0;
    bool faults_ = false;
};

}  // namespace millrace::testing
