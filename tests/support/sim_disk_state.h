// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What SimDisk and its storages share: files, names, and the effect of one operation.
#pragma once

#include "tests/support/sim_disk.h"
#include "tests/support/sim_tree.h"

#include <list>
#include <map>

namespace millrace::testing {

// A file opened by one storage.
struct SimOpenFile {
    SimNodeId node = 0;
    bool direct = false;
    bool open = false;
    std::string path;
};

struct SimDisk::State {
    // A write that was submitted and is not executed yet.
    struct InFlight {
        SimNodeId node = 0;
        std::uint64_t position = 0;
        engine::Bytes bytes;  // The caller's buffer, or `copy`.
        std::shared_ptr<std::vector<std::byte>> copy;
        const engine::FileOp* op = nullptr;
    };

    // The copy of SimDisk's copy constructor.
    [[nodiscard]] std::shared_ptr<State> copied() const;

    // Gives the operation its effect and its result. `handles`: the storage's open files.
    // `lying`: syncs do nothing and succeed.
    void execute(engine::FileOp& op, std::vector<SimOpenFile>& handles, bool lying);

    void begin_write(const engine::FileOp& op, const SimOpenFile& file);
    void end_write(const engine::FileOp& op);
    // The second half of a write that syncs its file: its own bytes are durable, too.
    void settle_write(const engine::FileOp& op, const std::vector<SimOpenFile>& handles);

    [[nodiscard]] SimFile& own(SimNodeId node);  // For changing: not shared with a copy.

    std::map<SimNodeId, std::shared_ptr<SimFile>> files;
    SimTree tree;
    std::list<InFlight> in_flight;
    std::uint64_t operations = 0;
    std::uint64_t free_bytes = 0;
    std::optional<SimFault> fault;
    bool fault_hit = false;
    std::function<void(const SimOperation&)> observer;

private:
    [[nodiscard]] std::int64_t run(engine::FileOp& op,
                                   std::vector<SimOpenFile>& handles,
                                   bool lying);
    [[nodiscard]] std::int64_t open(const engine::FileOp& op, std::vector<SimOpenFile>& handles);
    [[nodiscard]] std::int64_t run_on_file(engine::FileOp& op, const SimOpenFile& file, bool lying);
    [[nodiscard]] std::int64_t run_on_tree(engine::FileOp& op, bool lying);
    [[nodiscard]] std::int64_t read(const engine::FileOp& op, SimNodeId node) const;
    [[nodiscard]] std::int64_t write(const engine::FileOp& op,
                                     SimNodeId node,
                                     std::uint64_t length,
                                     bool lying);
    [[nodiscard]] std::int64_t allocate(const engine::FileOp& op, SimNodeId node);
    void resize(SimNodeId node, std::uint64_t size);
    [[nodiscard]] std::int64_t replace_name(const engine::FileOp& op);
    void give_back(SimNodeId node);
    [[nodiscard]] bool faulty(const engine::FileOp& op);
    [[nodiscard]] std::int64_t fail(engine::FileOp& op, std::vector<SimOpenFile>& handles);
    void observe(const engine::FileOp& op, const std::vector<SimOpenFile>& handles) const;
    void sync_all(std::uint64_t before);
};

}  // namespace millrace::testing
