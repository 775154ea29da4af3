// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_disk.h"

#include "tests/support/sim_disk_state.h"

#include <limits>
#include <stdexcept>
#include <utility>

namespace millrace::testing {

SimDisk::SimDisk() : state_(std::make_shared<State>()) {
    state_->free_bytes = std::numeric_limits<std::uint64_t>::max();
}

SimDisk::SimDisk(std::shared_ptr<State> state) : state_(std::move(state)) {}

SimDisk::~SimDisk() = default;

SimDisk::SimDisk(const SimDisk& other) : state_(other.state_->copied()) {}

SimDisk& SimDisk::operator=(const SimDisk& other) {
    if (this != &other) state_ = other.state_->copied();
    return *this;
}

SimDisk::SimDisk(SimDisk&&) noexcept = default;
SimDisk& SimDisk::operator=(SimDisk&&) noexcept = default;

SimDisk SimDisk::crashed(const Survives& survives, std::uint32_t sector_bytes) const {
    return crashed(SimCrash{survives, nullptr, sector_bytes});
}

SimDisk SimDisk::crashed(const SimCrash& crash) const {
    auto left = std::make_shared<State>();
    left->tree = state_->tree.crashed(crash.survives);
    left->free_bytes = state_->free_bytes;
    for (const auto& [path, node] : left->tree.files()) {
        if (left->files.contains(node)) continue;  // Two names.
        SimFile file = *state_->files.at(node);
        auto operation = state_->operations;
        for (const auto& write : state_->in_flight) {
            if (write.node != node) continue;
            file = file.with_write_in_flight(operation++, write.position, write.bytes);
        }
        left->files[node] = std::make_shared<SimFile>(file.crashed(crash));
    }
    return SimDisk(std::move(left));
}

SimDisk SimDisk::killed() const {
    auto left = state_->copied();
    left->in_flight.clear();
    left->fault.reset();
    left->fault_hit = false;
    return SimDisk(std::move(left));
}

std::size_t SimDisk::unsynced_units(std::uint32_t sector_bytes) const {
    std::size_t units = 0;
    const auto count = [&units] {
        ++units;
        return true;
    };
    static_cast<void>(crashed(count, sector_bytes));
    return units;
}

std::uint64_t SimDisk::operations() const {
    return state_->operations;
}

void SimDisk::set_observer(std::function<void(const SimOperation& operation)> observer) {
    state_->observer = std::move(observer);
}

void SimDisk::set_fault(const SimFault& fault) {
    state_->fault = fault;
    state_->fault_hit = false;
}

void SimDisk::clear_fault() {
    state_->fault.reset();
    state_->fault_hit = false;
}

bool SimDisk::fault_hit() const {
    return state_->fault_hit;
}

void SimDisk::set_free_space(std::uint64_t bytes) {
    state_->free_bytes = bytes;
}

std::uint64_t SimDisk::free_space() const {
    return state_->free_bytes;
}

namespace {

SimNodeId require_file(const SimTree& tree, const std::string& path) {
    const auto node = tree.find(path);
    if (!node || node->directory) throw std::invalid_argument("no simulated file " + path);
    return node->id;
}

std::uint64_t fold(std::uint64_t digest, std::uint64_t word) {
    digest = (digest ^ word) * 0xff51afd7ed558ccdU;
    return digest ^ (digest >> 29U);
}

}  // namespace

void SimDisk::make_unreadable(const std::string& path,
                              std::uint64_t position,
                              std::uint64_t bytes) {
    state_->own(require_file(state_->tree, path)).make_unreadable({position, bytes});
}

std::vector<std::string> SimDisk::files() const {
    std::vector<std::string> paths;
    for (const auto& [path, unused] : state_->tree.files())
        paths.push_back(path);
    return paths;
}

bool SimDisk::exists(const std::string& path) const {
    return state_->tree.find(path).has_value();
}

std::vector<std::byte> SimDisk::contents(const std::string& path) const {
    const auto& image = state_->files.at(require_file(state_->tree, path))->visible();
    std::vector<std::byte> bytes(image.size());
    image.read(0, bytes);
    return bytes;
}

void SimDisk::overwrite(const std::string& path, std::uint64_t position, engine::Bytes bytes) {
    auto& file = state_->own(require_file(state_->tree, path));
    file.write(state_->operations, position, bytes, true);
}

void SimDisk::put(const std::string& path, engine::Bytes bytes) {
    auto& tree = state_->tree;
    for (auto slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        const auto directory = path.substr(0, slash);
        if (!tree.find(directory) && tree.make_directory(state_->operations, directory) < 0) {
            throw std::invalid_argument("cannot make " + directory);
        }
    }
    const auto made = tree.make_file(state_->operations, path);
    if (made < 0) throw std::invalid_argument("cannot make " + path);
    tree.sync_all(state_->operations + 1);
    const auto id = static_cast<SimNodeId>(made);
    state_->files[id] = std::make_shared<SimFile>();
    state_->own(id).write(state_->operations, 0, bytes, true);
}

void SimDisk::remove(const std::string& path) {
    require_file(state_->tree, path);
    if (state_->tree.unlink(state_->operations, path) != 0) {
        throw std::invalid_argument("cannot remove " + path);
    }
    const auto slash = path.rfind('/');
    const auto parent = slash == std::string::npos ? std::string() : path.substr(0, slash);
    if (state_->tree.sync(parent, state_->operations + 1) != 0) {
        throw std::invalid_argument("no parent of " + path);
    }
}

std::uint64_t SimDisk::digest() const {
    std::uint64_t digest = 0;
    for (const auto& [path, node] : state_->tree.nodes()) {
        digest = fold(digest, std::hash<std::string>{}(path));
        if (!node.directory) digest = fold(digest, state_->files.at(node.id)->digest());
    }
    return digest;
}

}  // namespace millrace::testing
