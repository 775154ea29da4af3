// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The directories of the simulated disk: names as a running process sees them, names on stable
// storage, and the changes between the two. A name made, removed or replaced is durable when its
// directory is synced. A rename makes the new name first: whatever a crash keeps of it, the file is
// there under one of the two names at least.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::testing {

using SimNodeId = std::uint64_t;

struct SimNode {
    SimNodeId id = 0;
    bool directory = false;

    bool operator==(const SimNode&) const = default;
};

// Paths are relative to the root, without "." and "..". Errors are negative errno values.
class SimTree {
public:
    SimTree();

    [[nodiscard]] std::optional<SimNode> find(std::string_view path) const;

    // The new node, or the error. Requires: `path` is not there.
    [[nodiscard]] std::int64_t make_file(std::uint64_t operation, std::string_view path);
    [[nodiscard]] std::int64_t make_directory(std::uint64_t operation, std::string_view path);
    [[nodiscard]] std::int64_t link(std::uint64_t operation,
                                    std::string_view from,
                                    std::string_view to);
    [[nodiscard]] std::int64_t unlink(std::uint64_t operation, std::string_view path);
    [[nodiscard]] std::int64_t remove_directory(std::uint64_t operation, std::string_view path);
    [[nodiscard]] std::int64_t rename(std::uint64_t operation,
                                      std::string_view from,
                                      std::string_view to);
    [[nodiscard]] std::int64_t list(std::string_view path, std::vector<std::string>& names) const;

    // Makes stable what operations below `before` did to the directory; `all`: to every one.
    [[nodiscard]] std::int64_t sync(std::string_view path, std::uint64_t before);
    void sync_all(std::uint64_t before);

    [[nodiscard]] SimTree crashed(const std::function<bool()>& survives) const;

    // Every file with its paths, ascending by path.
    [[nodiscard]] std::map<std::string, SimNodeId> files() const;
    [[nodiscard]] std::map<std::string, SimNode> nodes() const;
    // Files that some name leads to now, or may lead to after a crash.
    [[nodiscard]] std::set<SimNodeId> reachable() const;
    // True when a name leads to the node now.
    [[nodiscard]] bool named(SimNodeId id) const;

private:
    using Entries = std::map<std::string, SimNode, std::less<>>;

    struct Directory {
        Entries visible;
        Entries stable;
    };

    struct Change {
        std::uint64_t number = 0;
        std::uint64_t operation = 0;
        SimNodeId directory = 0;
        std::string name;
        std::optional<SimNode> node;  // None: the name is gone.
        std::uint64_t after = 0;      // Survives only if this change does; 0: alone.
    };

    struct Place {
        SimNodeId directory = 0;
        std::string name;
    };

    // The parent directory and last name; none when the parent is not there.
    [[nodiscard]] std::optional<Place> place_of(std::string_view path) const;
    std::uint64_t set(std::uint64_t operation,
                      const Place& place,
                      std::optional<SimNode> node,
                      std::uint64_t after = 0);
    void settle(const std::function<bool(const Change&)>& covered);
    static void put(Entries& entries, const Change& change);
    void walk(SimNodeId directory,
              const std::string& prefix,
              std::map<std::string, SimNode>& into) const;
    [[nodiscard]] std::int64_t make(std::uint64_t operation, std::string_view path, bool directory);

    std::map<SimNodeId, Directory> directories_;
    std::vector<Change> changes_;  // Ascending.
    SimNodeId next_node_ = 2;      // 1 is the root.
    std::uint64_t next_change_ = 1;
};

}  // namespace millrace::testing
