// What a library of operators needs of ONNX Runtime's C interface, which wheels come without.
//
// The interface is a table of functions that only ever grows, so that a function is known by its
// place in it (onnxruntime_c_api.h: "the order of all functions is fixed"). Places and signatures
// are those of its version 17, which every later ONNX Runtime gives to who asks for it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace piza::ort {

constexpr std::uint32_t kVersion = 17;

// Things of ONNX Runtime, known by their addresses alone.
struct Status;
struct Value;
struct Shape;
struct Context;
struct Domain;
struct Options;
struct Info;

enum Element : int { kFloat = 1, kInt64 = 7 };
enum Place : int { kCreateStatus = 0, kCreateDomain = 26, kDomainAdd = 27, kAddDomain = 28,
                   kTensorData = 51, kElementType = 60, kDimensionsCount = 61, kDimensions = 62,
                   kTensorShape = 65, kInput = 90, kOutput = 91, kReleaseStatus = 93,
                   kReleaseShape = 99, kParallelFor = 274 };

using Create = Status* (*)(int code, const char* message);
using CreateDomain = Status* (*)(const char* name, Domain** domain);
using DomainAdd = Status* (*)(Domain* domain, const struct Operator* op);
using AddDomain = Status* (*)(Options* options, Domain* domain);
using TensorData = Status* (*)(Value* value, void** data);
using ElementType = Status* (*)(const Shape* shape, int* element);
using DimensionsCount = Status* (*)(const Shape* shape, std::size_t* count);
using Dimensions = Status* (*)(const Shape* shape, std::int64_t* sides, std::size_t count);
using TensorShape = Status* (*)(const Value* value, Shape** shape);
using Input = Status* (*)(const Context* context, std::size_t index, const Value** value);
using Output = Status* (*)(Context* context, std::size_t index, const std::int64_t* sides,
                           std::size_t count, Value** value);
using ReleaseShape = void (*)(Shape* shape);
using ReleaseStatus = void (*)(Status* status);
using ParallelFor = Status* (*)(const Context* context, void (*task)(void* given, std::size_t k),
                                std::size_t tasks, std::size_t batches, void* given);

using Function = void (*)();

// The table.
struct Api {
    const Function* functions;

    template <typename Signature>
    Signature at(Place place) const {
        return reinterpret_cast<Signature>(functions[place]);
    }
};

struct ApiBase {
    const Function* (*table)(std::uint32_t version);
    const char* (*version)();
};

// An operator: what ONNX Runtime asks it. It is told by `version` which of these there are.
struct Operator {
    std::uint32_t version;
    void* (*create)(const Operator*, const Function*, const Info*);
    const char* (*name)(const Operator*);
    const char* (*provider)(const Operator*);
    int (*input_type)(const Operator*, std::size_t);
    std::size_t (*input_count)(const Operator*);
    int (*output_type)(const Operator*, std::size_t);
    std::size_t (*output_count)(const Operator*);
    void (*compute)(void*, Context*);
    void (*destroy)(void*);
    int (*input_kind)(const Operator*, std::size_t);
    int (*output_kind)(const Operator*, std::size_t);
    int (*input_memory)(const Operator*, std::size_t);
    int (*least_inputs)(const Operator*);
    int (*inputs_alike)(const Operator*);
    int (*least_outputs)(const Operator*);
    int (*outputs_alike)(const Operator*);
    Status* (*create_or_fail)(const Operator*, const Function*, const Info*, void**);
    Status* (*compute_or_fail)(void*, Context*);
    Status* (*infer_shapes)(const Operator*, void*);
    int (*first_version)(const Operator*);
    int (*last_version)(const Operator*);
};

}  // namespace piza::ort
