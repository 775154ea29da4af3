// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_tree.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace millrace::testing {

namespace {

constexpr SimNodeId kRoot = 1;

}  // namespace

SimTree::SimTree() {
    directories_[kRoot];
}

std::optional<SimTree::Place> SimTree::place_of(std::string_view path) const {
    SimNodeId directory = kRoot;
    while (true) {
        const auto slash = path.find('/');
        if (slash == std::string_view::npos) return Place{directory, std::string(path)};
        const auto& entries = directories_.at(directory).visible;
        const auto entry = entries.find(path.substr(0, slash));
        if (entry == entries.end() || !entry->second.directory) return std::nullopt;
        directory = entry->second.id;
        path.remove_prefix(slash + 1);
    }
}

std::optional<SimNode> SimTree::find(std::string_view path) const {
    if (path.empty() || path == ".") return SimNode{kRoot, true};
    const auto place = place_of(path);
    if (!place) return std::nullopt;
    const auto& entries = directories_.at(place->directory).visible;
    const auto entry = entries.find(place->name);
    if (entry == entries.end()) return std::nullopt;
    return entry->second;
}

std::int64_t SimTree::make(std::uint64_t operation, std::string_view path, bool directory) {
    const auto place = place_of(path);
    if (!place) return -ENOENT;
    const SimNode node{next_node_++, directory};
    if (directory) directories_[node.id];
    set(operation, *place, node);
    return static_cast<std::int64_t>(node.id);
}

std::int64_t SimTree::make_file(std::uint64_t operation, std::string_view path) {
    return make(operation, path, false);
}

std::int64_t SimTree::make_directory(std::uint64_t operation, std::string_view path) {
    if (find(path)) return -EEXIST;
    const auto made = make(operation, path, true);
    return made < 0 ? made : 0;
}

std::int64_t SimTree::link(std::uint64_t operation, std::string_view from, std::string_view to) {
    const auto node = find(from);
    if (!node) return -ENOENT;
    if (node->directory) return -EPERM;
    if (find(to)) return -EEXIST;
    const auto place = place_of(to);
    if (!place) return -ENOENT;
    set(operation, *place, node);
    return 0;
}

std::int64_t SimTree::unlink(std::uint64_t operation, std::string_view path) {
    const auto node = find(path);
    if (!node) return -ENOENT;
    if (node->directory) return -EISDIR;
    set(operation, *place_of(path), std::nullopt);
    return 0;
}

std::int64_t SimTree::remove_directory(std::uint64_t operation, std::string_view path) {
    const auto node = find(path);
    if (!node) return -ENOENT;
    if (!node->directory) return -ENOTDIR;
    if (!directories_.at(node->id).visible.empty()) return -ENOTEMPTY;
    set(operation, *place_of(path), std::nullopt);
    return 0;
}

std::int64_t SimTree::rename(std::uint64_t operation, std::string_view from, std::string_view to) {
    const auto node = find(from);
    if (!node) return -ENOENT;
    const auto place = place_of(to);
    if (!place) return -ENOENT;
    if (const auto there = find(to)) {
        if (*there == *node) return 0;
        if (there->directory != node->directory) return node->directory ? -ENOTDIR : -EISDIR;
        if (there->directory && !directories_.at(there->id).visible.empty()) return -ENOTEMPTY;
    }
    const auto made = set(operation, *place, node);
    set(operation, *place_of(from), std::nullopt, made);
    return 0;
}

std::int64_t SimTree::list(std::string_view path, std::vector<std::string>& names) const {
    const auto node = find(path);
    if (!node) return -ENOENT;
    if (!node->directory) return -ENOTDIR;
    for (const auto& [name, unused] : directories_.at(node->id).visible)
        names.push_back(name);
    return 0;
}

std::uint64_t SimTree::set(std::uint64_t operation,
                           const Place& place,
                           std::optional<SimNode> node,
                           std::uint64_t after) {
    Change change{next_change_++, operation, place.directory, place.name, node, after};
    put(directories_.at(place.directory).visible, change);
    changes_.push_back(std::move(change));
    return changes_.back().number;
}

void SimTree::put(Entries& entries, const Change& change) {
    if (change.node) {
        entries.insert_or_assign(change.name, *change.node);
    } else {
        entries.erase(change.name);
    }
}

std::int64_t SimTree::sync(std::string_view path, std::uint64_t before) {
    const auto node = find(path);
    if (!node) return -ENOENT;
    if (!node->directory) return -ENOTDIR;
    settle([&](const Change& change) {
        return change.directory == node->id && change.operation < before;
    });
    return 0;
}

void SimTree::sync_all(std::uint64_t before) {
    settle([before](const Change& change) { return change.operation < before; });
}

void SimTree::settle(const std::function<bool(const Change&)>& covered) {
    // What a covered change comes after is covered too, with what went before it on that name.
    std::set<std::uint64_t> settled;
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
        if (!covered(*change) && !settled.contains(change->number)) continue;
        settled.insert(change->number);
        if (change->after != 0) settled.insert(change->after);
        for (auto earlier = std::next(change); earlier != changes_.rend(); ++earlier) {
            if (earlier->directory == change->directory && earlier->name == change->name) {
                settled.insert(earlier->number);
            }
        }
    }
    for (const auto& change : changes_) {
        if (settled.contains(change.number)) put(directories_.at(change.directory).stable, change);
    }
    std::erase_if(changes_, [&](const auto& change) { return settled.contains(change.number); });
}

SimTree SimTree::crashed(const std::function<bool()>& survives) const {
    SimTree left;
    left.directories_ = directories_;
    left.next_node_ = next_node_;
    std::set<std::uint64_t> lost;
    for (const auto& change : changes_) {
        if ((change.after != 0 && lost.contains(change.after)) || !survives()) {
            lost.insert(change.number);
        } else {
            put(left.directories_.at(change.directory).stable, change);
        }
    }
    for (auto& [id, directory] : left.directories_)
        directory.visible = directory.stable;
    return left;
}

void SimTree::walk(SimNodeId directory,
                   const std::string& prefix,
                   std::map<std::string, SimNode>& into) const {
    for (const auto& [name, node] : directories_.at(directory).visible) {
        into.emplace(prefix + name, node);
        if (node.directory) walk(node.id, prefix + name + "/", into);
    }
}

std::map<std::string, SimNode> SimTree::nodes() const {
    std::map<std::string, SimNode> nodes;
    walk(kRoot, "", nodes);
    return nodes;
}

std::map<std::string, SimNodeId> SimTree::files() const {
    std::map<std::string, SimNodeId> files;
    for (const auto& [path, node] : nodes()) {
        if (!node.directory) files.emplace(path, node.id);
    }
    return files;
}

std::set<SimNodeId> SimTree::reachable() const {
    std::set<SimNodeId> ids;
    for (const auto& [unused, directory] : directories_) {
        for (const auto* entries : {&directory.visible, &directory.stable}) {
            for (const auto& [name, node] : *entries)
                ids.insert(node.id);
        }
    }
    for (const auto& change : changes_) {
        if (change.node) ids.insert(change.node->id);
    }
    return ids;
}

bool SimTree::named(SimNodeId id) const {
    return std::ranges::any_of(directories_, [id](const auto& directory) {
        return std::ranges::any_of(directory.second.visible,
                                   [id](const auto& entry) { return entry.second.id == id; });
    });
}

}  // namespace millrace::testing
