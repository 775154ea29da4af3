// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a table cannot hold: read from the schemas themselves, as flatc describes them.
#include "broker/protocol/verified.h"
#include "flatbuffers/reflection_generated.h"
#include "tests/hostile/hostile_fixture.h"
#include "tests/hostile/tables.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

namespace millrace::testing {
namespace {

// All schemas of the wire format.
class Schemas {
public:
    Schemas() {
        const char* folder = std::getenv("MILLRACE_TEST_SCHEMAS");
        if (folder == nullptr) throw std::runtime_error("MILLRACE_TEST_SCHEMAS is not set");
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            if (entry.path().extension() != ".bfbs") continue;
            files_.push_back(read_file(entry.path()));
            const auto* schema = reflection::GetSchema(files_.back().data());
            for (const auto* object : *schema->objects())
                add(*schema, *object);
        }
    }

    [[nodiscard]] const std::map<std::string, std::set<std::string>>& tables() const {
        return tables_;
    }

    [[nodiscard]] const std::multimap<reflection::BaseType, std::string>& fields() const {
        return fields_;
    }

    [[nodiscard]] const std::set<std::string>& attributes() const { return attributes_; }

    // Of the tables below this one, itself included; far above every limit when they form a ring.
    [[nodiscard]] int depth_of(const std::string& table, int above = 0) const {
        if (above > 100) return above;
        int deepest = 0;
        for (const auto& inner : tables_.at(table))
            deepest = std::max(deepest, depth_of(inner, above + 1));
        return deepest + 1;
    }

private:
    void add(const reflection::Schema& schema, const reflection::Object& object) {
        auto& inner = tables_[object.name()->str()];
        for (const auto* field : *object.fields()) {
            const auto& type = *field->type();
            const auto name = object.name()->str() + "." + field->name()->str();
            fields_.emplace(type.base_type(), name);
            fields_.emplace(type.element(), name);
            if (field->attributes() != nullptr) {
                for (const auto* attribute : *field->attributes())
                    attributes_.insert(attribute->key()->str());
            }
            const bool of_objects =
                    type.base_type() == reflection::Obj || type.element() == reflection::Obj;
            if (!of_objects) continue;
            const auto& target = *schema.objects()->Get(static_cast<unsigned>(type.index()));
            if (!target.is_struct()) inner.insert(target.name()->str());
        }
    }

    std::vector<std::string> files_;
    std::map<std::string, std::set<std::string>> tables_;
    std::multimap<reflection::BaseType, std::string> fields_;
    std::set<std::string> attributes_;
};

TEST_F(Hostile, FlatBuffers_25_DepthTenThousand) {
    // No schema lets a table lie deeper than a few others, so there is nothing to descend into.
    const Schemas schemas;
    std::size_t requests = 0;
    for (const auto& [name, inner] : schemas.tables()) {
        EXPECT_LE(schemas.depth_of(name), 4) << name;
        if (name.ends_with("Request")) ++requests;
    }
    EXPECT_EQ(requests, samples(victim()).size());
    static_assert(broker::kTableDepthMax >= 4);

    // 10,000 tables one inside the other in a field that no schema has: nobody walks them.
    const auto deep = request_of(wire::Api::metadata, [](flatbuffers::FlatBufferBuilder& builder) {
        auto table = builder.EndTable(builder.StartTable());
        for (int level = 0; level < 10'000; ++level) {
            const auto start = builder.StartTable();
            builder.AddOffset(4, flatbuffers::Offset<flatbuffers::Table>(table));
            table = builder.EndTable(start);
        }
        const auto start = builder.StartTable();
        builder.AddElement<std::uint8_t>(wire::MetadataRequest::VT_ALL, 1, 0);
        builder.AddOffset(40, flatbuffers::Offset<flatbuffers::Table>(table));
        return flatbuffers::Offset<wire::MetadataRequest>(builder.EndTable(start));
    });
    auto client = connect();
    const auto before = processor_time();
    EXPECT_EQ(error_of(client.ask(deep)), "none");
    EXPECT_LT(processor_time() - before, std::chrono::seconds(1));
    // The same in the place of a field that is known is a vector of nonsense.
    auto spoiled = deep;
    const auto vtable = vtable_at(spoiled, root_at(spoiled));
    poke(spoiled,
         vtable + wire::MetadataRequest::VT_TOPICS,
         peek<std::uint16_t>(spoiled, vtable + 40));
    expect_refused(spoiled, wire::ErrorCode::malformed_request);
}

TEST_F(Hostile, FlatBuffers_28_UnionWithAWrongTypeByte) {
    // There is no union whose type could be wrong, and no buffer inside another one.
    const Schemas schemas;
    EXPECT_GE(schemas.fields().count(reflection::String), 10U);
    for (const auto type : {reflection::Union, reflection::UType}) {
        for (auto [field, end] = schemas.fields().equal_range(type); field != end; ++field)
            ADD_FAILURE() << field->second << " is a union";
    }
    EXPECT_FALSE(schemas.attributes().contains("nested_flatbuffer"));
    EXPECT_FALSE(schemas.attributes().contains("flexbuffer"));
}

TEST_F(Hostile, FlatBuffers_35_NotANumber) {
    // There is no floating point number that could be none.
    const Schemas schemas;
    EXPECT_GE(schemas.fields().count(reflection::UInt), 10U);
    for (const auto type : {reflection::Float, reflection::Double}) {
        for (auto [field, end] = schemas.fields().equal_range(type); field != end; ++field)
            ADD_FAILURE() << field->second << " is a floating point number";
    }
}

}  // namespace
}  // namespace millrace::testing
