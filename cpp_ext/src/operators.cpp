// Operators for ONNX Runtime's CPU: a library that a session registers.
#include <cstdint>
#include <vector>

#include "crop_resize_loops.hpp"
#include "onnxruntime_abi.hpp"
#include "sampling.hpp"

namespace piza {
namespace {

constexpr std::size_t kTask = 2 * kLanes;  // queries that a thread takes at once
constexpr int kInvalidArgument = 2;

ort::Api api{};

Sample best_sample() {
#if defined(PIZA_X86)
    if (&best_loops() == &loops_avx512) return sampling::loops_avx512;
    if (&best_loops() == &loops_avx2) return sampling::loops_avx2;
#endif
    return sampling::loops_baseline;
}

// What fails, in the words of ONNX Runtime; null where nothing did.
using Failure = ort::Status*;

Failure refuse(const char* message) {
    return api.at<ort::Create>(ort::kCreateStatus)(kInvalidArgument, message);
}

// An input: its sides and where its elements are.
struct Tensor {
    std::vector<std::int64_t> sides;
    const void* data = nullptr;

    std::size_t side(std::size_t k) const { return static_cast<std::size_t>(sides[k]); }
    const float* floats() const { return static_cast<const float*>(data); }
};

Failure read(const ort::Context* context, std::size_t index, std::size_t rank, Tensor& tensor) {
    const ort::Value* value = nullptr;
    ort::Shape* shape = nullptr;
    void* data = nullptr;
    std::size_t count = 0;
    if (auto* failure = api.at<ort::Input>(ort::kInput)(context, index, &value)) return failure;
    if (value == nullptr) return refuse("deformable sampling lacks an input");
    if (auto* failure = api.at<ort::TensorShape>(ort::kTensorShape)(value, &shape)) return failure;
    Failure failure = api.at<ort::DimensionsCount>(ort::kDimensionsCount)(shape, &count);
    if (failure == nullptr) {
        tensor.sides.resize(count);
        failure = api.at<ort::Dimensions>(ort::kDimensions)(shape, tensor.sides.data(), count);
    }
    api.at<ort::ReleaseShape>(ort::kReleaseShape)(shape);
    if (failure != nullptr) return failure;
    if (count != rank) return refuse("deformable sampling has an input of the wrong rank");
    failure = api.at<ort::TensorData>(ort::kTensorData)(const_cast<ort::Value*>(value), &data);
    tensor.data = data;
    return failure;
}

// What threads share: queries [k * kTask, (k + 1) * kTask) are task k.
struct Work {
    Sampling sampling;
    Sample sample;
};

void run_task(void* given, std::size_t task) {
    const Work& work = *static_cast<const Work*>(given);
    const std::size_t lanes = work.sampling.levels * work.sampling.points * kLanes;
    thread_local std::vector<float> weights;
    thread_local std::vector<std::int32_t> rows;
    weights.resize(lanes * 4);
    rows.resize(lanes);
    const std::size_t from = task * kTask, end = from + kTask;
    const std::size_t to = end < work.sampling.queries ? end : work.sampling.queries;
    work.sample(work.sampling, from, to, weights.data(), rows.data());
}

// value (N, M * d), places (M, L, P, 2, Q), scores (M, L * P, Q), sizes (L, 2) -> (Q, M * d)
Failure sample(void*, ort::Context* context) {
    Tensor value, places, scores, sizes;
    if (auto* failure = read(context, 0, 2, value)) return failure;
    if (auto* failure = read(context, 1, 5, places)) return failure;
    if (auto* failure = read(context, 2, 3, scores)) return failure;
    if (auto* failure = read(context, 3, 2, sizes)) return failure;
    Work work{{}, best_sample()};
    Sampling& all = work.sampling;
    all.heads = places.side(0);
    all.levels = places.side(1);
    all.points = places.side(2);
    all.queries = places.side(4);
    all.sizes = static_cast<const std::int64_t*>(sizes.data);
    all.value = value.floats();
    all.places = places.floats();
    all.scores = scores.floats();
    const bool fits = all.heads > 0 && value.side(1) % all.heads == 0 && places.side(3) == 2 &&
                      scores.side(0) == all.heads && scores.side(1) == all.levels * all.points &&
                      scores.side(2) == all.queries && sizes.side(0) == all.levels &&
                      sizes.side(1) == 2;
    if (!fits) return refuse("the inputs of deformable sampling do not fit each other");
    std::int64_t locations = 0;
    for (std::size_t level = 0; level < all.levels; ++level) {
        const std::int64_t width = all.sizes[2 * level], height = all.sizes[2 * level + 1];
        if (width < 2 || height < 2) return refuse("a level of deformable sampling is too small");
        locations += width * height;
    }
    if (locations != value.sides[0]) return refuse("the levels are not all of the locations");
    all.depth = value.side(1) / all.heads;

    const std::int64_t sides[] = {places.sides[4], value.sides[1]};
    ort::Value* output = nullptr;
    void* data = nullptr;
    if (auto* failure = api.at<ort::Output>(ort::kOutput)(context, 0, sides, 2, &output)) {
        return failure;
    }
    if (auto* failure = api.at<ort::TensorData>(ort::kTensorData)(output, &data)) return failure;
    all.out = static_cast<float*>(data);
    const std::size_t tasks = (all.queries + kTask - 1) / kTask;
    return api.at<ort::ParallelFor>(ort::kParallelFor)(context, run_task, tasks, 0, &work);
}

const ort::Operator& deformable_sampling() {
    static const ort::Operator op = [] {
        ort::Operator made{};
        made.version = ort::kVersion;
        made.name = [](const ort::Operator*) { return "DeformableSampling"; };
        made.provider = [](const ort::Operator*) { return "CPUExecutionProvider"; };
        made.input_count = [](const ort::Operator*) -> std::size_t { return 4; };
        made.input_type = [](const ort::Operator*, std::size_t index) -> int {
            return index == 3 ? ort::kInt64 : ort::kFloat;
        };
        made.output_count = [](const ort::Operator*) -> std::size_t { return 1; };
        made.output_type = [](const ort::Operator*, std::size_t) -> int { return ort::kFloat; };
        made.input_kind = [](const ort::Operator*, std::size_t) { return 0; };  // required
        made.output_kind = [](const ort::Operator*, std::size_t) { return 0; };
        made.input_memory = [](const ort::Operator*, std::size_t) { return 0; };  // the CPU's
        made.create_or_fail = [](const ort::Operator*, const ort::Function*, const ort::Info*,
                                 void** kernel) -> Failure {
            *kernel = nullptr;  // it has no state
            return nullptr;
        };
        made.compute_or_fail = sample;
        made.destroy = [](void*) {};
        return made;
    }();
    return op;
}

// What sessions share; null where it could not be made. None outlives the process.
ort::Domain* make_domain() {
    ort::Domain* domain = nullptr;
    Failure failure = api.at<ort::CreateDomain>(ort::kCreateDomain)("piza", &domain);
    if (failure == nullptr) {
        failure = api.at<ort::DomainAdd>(ort::kDomainAdd)(domain, &deformable_sampling());
    }
    if (failure == nullptr) return domain;
    api.at<ort::ReleaseStatus>(ort::kReleaseStatus)(failure);
    return nullptr;
}

// Its operators become known to sessions with these options. An ONNX Runtime that is older than
// the interface gets none, and says so where a network asks for one.
Failure register_operators(ort::Options* options, const ort::ApiBase& base) {
    const ort::Function* const table = base.table(ort::kVersion);
    if (table == nullptr) return nullptr;
    api.functions = table;
    static ort::Domain* const domain = make_domain();
    if (domain == nullptr) return refuse("the operators of piza cannot be made known");
    return api.at<ort::AddDomain>(ort::kAddDomain)(options, domain);
}

}  // namespace
}  // namespace piza

#if defined(_WIN32)
#define PIZA_EXPORT __declspec(dllexport)
#else
#define PIZA_EXPORT __attribute__((visibility("default")))
#endif

// The name by which ONNX Runtime finds it.
extern "C" PIZA_EXPORT piza::ort::Status* RegisterCustomOps(piza::ort::Options* options,
                                                            const piza::ort::ApiBase* base) {
    return piza::register_operators(options, *base);
}
