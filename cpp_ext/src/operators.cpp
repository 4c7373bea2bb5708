// The library of operators for ONNX Runtime's CPU, which a session registers.
#include <new>

#include "operator.hpp"

namespace piza {
namespace {

constexpr int kFail = 1, kInvalidArgument = 2;  // codes of ONNX Runtime

ort::Api api{};

struct Failed {
    ort::Status* status;
};

void check(ort::Status* status) {
    if (status != nullptr) throw Failed{status};
}

ort::Status* failure(int code, const char* message) {
    return api.at<ort::Create>(ort::kCreateStatus)(code, message);
}

// What an operator computes and how many inputs and outputs it has. Inputs from `wholes` on are
// whole numbers, all else is floats.
struct Definition : ort::Operator {
    const char* called;
    std::size_t inputs, wholes, outputs;
};

const Definition& of(const ort::Operator* op) { return *static_cast<const Definition*>(op); }

template <void (*kCompute)(const Call&)>
ort::Status* run(void*, ort::Context* context) {
    try {
        kCompute(Call(context));
        return nullptr;
    } catch (const Failed& failed) {
        return failed.status;
    } catch (const Refusal& refusal) {
        return failure(kInvalidArgument, refusal.message);
    } catch (const std::bad_alloc&) {
        return failure(kFail, "no memory is left for an operator of piza");
    }
}

template <void (*kCompute)(const Call&)>
Definition define(const char* name, std::size_t inputs, std::size_t wholes, std::size_t outputs) {
    Definition made{};
    made.called = name;
    made.inputs = inputs;
    made.wholes = wholes;
    made.outputs = outputs;
    made.version = ort::kVersion;
    made.name = [](const ort::Operator* op) { return of(op).called; };
    made.provider = [](const ort::Operator*) { return "CPUExecutionProvider"; };
    made.input_count = [](const ort::Operator* op) { return of(op).inputs; };
    made.input_type = [](const ort::Operator* op, std::size_t index) -> int {
        return index < of(op).wholes ? ort::kFloat : ort::kInt64;
    };
    made.output_count = [](const ort::Operator* op) { return of(op).outputs; };
    made.output_type = [](const ort::Operator*, std::size_t) -> int { return ort::kFloat; };
    made.input_kind = [](const ort::Operator*, std::size_t) { return 0; };  // required
    made.output_kind = [](const ort::Operator*, std::size_t) { return 0; };
    made.input_memory = [](const ort::Operator*, std::size_t) { return 0; };  // the CPU's
    made.create_or_fail = [](const ort::Operator*, const ort::Function*, const ort::Info*,
                             void** kernel) -> ort::Status* {
        *kernel = nullptr;  // it has no state
        return nullptr;
    };
    made.compute_or_fail = run<kCompute>;
    made.destroy = [](void*) {};
    return made;
}

const Definition* definitions(std::size_t& count) {
    static const Definition all[] = {
        define<sample>("DeformableSampling", 4, 3, 1),
        define<attend_both_ways>("TwoWayAttention", 6, 5, 2),
        define<attend>("Attend", 4, 3, 1),
        define<attend_biased>("AttendBiased", 5, 4, 1),
        define<adapt>("Adapt", 9, 9, 1),
        define<convolve>("Convolve", 3, 3, 1),
        define<convolve_sum>("ConvolveSum", 4, 4, 1),
        define<normalise_one>("Normalise", 4, 4, 1),
        define<normalise_sum>("NormaliseSum", 5, 5, 1),
    };
    count = sizeof(all) / sizeof(all[0]);
    return all;
}

// What sessions share; null where it could not be made. None outlives the process.
ort::Domain* make_domain() {
    try {
        ort::Domain* domain = nullptr;
        check(api.at<ort::CreateDomain>(ort::kCreateDomain)("piza", &domain));
        std::size_t count = 0;
        const Definition* const all = definitions(count);
        for (std::size_t k = 0; k < count; ++k) {
            check(api.at<ort::DomainAdd>(ort::kDomainAdd)(domain, &all[k]));
        }
        return domain;
    } catch (const Failed& failed) {
        api.at<ort::ReleaseStatus>(ort::kReleaseStatus)(failed.status);
        return nullptr;
    }
}

// Its operators become known to sessions with these options. An ONNX Runtime that is older than
// the interface gets none, and says so where a network asks for one.
ort::Status* register_operators(ort::Options* options, const ort::ApiBase& base) {
    const ort::Function* const table = base.table(ort::kVersion);
    if (table == nullptr) return nullptr;
    api.functions = table;
    static ort::Domain* const domain = make_domain();
    if (domain == nullptr) return failure(kFail, "the operators of piza cannot be made known");
    return api.at<ort::AddDomain>(ort::kAddDomain)(options, domain);
}

}  // namespace

Tensor Call::input(std::size_t index, std::size_t rank) const {
    const ort::Value* value = nullptr;
    check(api.at<ort::Input>(ort::kInput)(context_, index, &value));
    if (value == nullptr) throw Refusal{"an operator of piza lacks an input"};
    ort::Shape* shape = nullptr;
    check(api.at<ort::TensorShape>(ort::kTensorShape)(value, &shape));
    std::size_t count = 0;
    ort::Status* status = api.at<ort::DimensionsCount>(ort::kDimensionsCount)(shape, &count);
    Tensor found;
    if (status == nullptr) {
        found.sides.resize(count);
        const auto sides = api.at<ort::Dimensions>(ort::kDimensions);
        status = sides(shape, found.sides.data(), count);
    }
    api.at<ort::ReleaseShape>(ort::kReleaseShape)(shape);
    check(status);
    if (count != rank) throw Refusal{"an input of an operator of piza has the wrong rank"};
    void* data = nullptr;
    check(api.at<ort::TensorData>(ort::kTensorData)(const_cast<ort::Value*>(value), &data));
    found.data = data;
    return found;
}

float* Call::output(std::size_t index, std::initializer_list<std::size_t> sides) const {
    const std::vector<std::int64_t> wanted(sides.begin(), sides.end());
    ort::Value* value = nullptr;
    check(api.at<ort::Output>(ort::kOutput)(context_, index, wanted.data(), wanted.size(), &value));
    void* data = nullptr;
    check(api.at<ort::TensorData>(ort::kTensorData)(value, &data));
    return static_cast<float*>(data);
}

void Call::spread(std::size_t tasks, void (*task)(void*, std::size_t), void* given) const {
    check(api.at<ort::ParallelFor>(ort::kParallelFor)(context_, task, tasks, 0, given));
}

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
