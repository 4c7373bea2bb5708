// An operator of ONNX Runtime, as those who write one see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "crop_resize_loops.hpp"
#include "onnxruntime_abi.hpp"

namespace piza {

// An input: its sides, and where its elements are.
struct Tensor {
    std::vector<std::int64_t> sides;
    const void* data = nullptr;

    std::size_t side(std::size_t k) const { return static_cast<std::size_t>(sides[k]); }
    const float* floats() const { return static_cast<const float*>(data); }
    const std::int64_t* wholes() const { return static_cast<const std::int64_t*>(data); }
};

// Thrown where inputs cannot be used; who runs the network is told.
struct Refusal {
    const char* message;
};

// One call of an operator.
class Call {
public:
    explicit Call(ort::Context* context) : context_(context) {}

    // Input `index`, which has to have `rank` sides.
    Tensor input(std::size_t index, std::size_t rank) const;

    // Room for output `index`.
    float* output(std::size_t index, std::initializer_list<std::size_t> sides) const;

    // work(k) for each k < tasks, in the threads of the session.
    template <typename Work>
    void parallel(std::size_t tasks, const Work& work) const {
        spread(
            tasks, [](void* given, std::size_t k) { (*static_cast<const Work*>(given))(k); },
            const_cast<Work*>(&work));
    }

private:
    void spread(std::size_t tasks, void (*task)(void*, std::size_t), void* given) const;

    ort::Context* context_;
};

#if defined(PIZA_X86)
// The loops that this processor runs, of those that are compiled once for each instruction set.
template <typename Own>
Own best_of(Own baseline, Own avx2, Own avx512) {
    const Loops* const best = &best_loops();
    return best == &loops_avx512 ? avx512 : best == &loops_avx2 ? avx2 : baseline;
}

#define PIZA_BEST(name) \
    ::piza::best_of(name::loops_baseline, name::loops_avx2, name::loops_avx512)
#else
#define PIZA_BEST(name) name::loops_baseline
#endif

// value (N, M * d), places (M, L, P, 2, Q), scores (M, L * P, Q), sizes (L, 2) -> (Q, M * d)
void sample(const Call& call);

// image (N, D), meant (M * T, D), bias (M * T), said (M * T, D), told (1, D), heads (1)
// -> image (N, D), heard (M * T, D)
void attend_both_ways(const Call& call);

// query (Q, D), key (S, D), value (S, D), [bias (1, 1 or Q, S),] heads (1) -> (Q, D)
void attend(const Call& call);
void attend_biased(const Call& call);

// image (1, C, H, W), filters (36, C, K), bias (K)[, residual (1, K, H, W)] -> (1, K, H, W)
void convolve(const Call& call);
void convolve_sum(const Call& call);

// two of (N, D), down (D, R), bias (R), up (R, D), bias (1, D), scale (D), shift (D), epsilon (1)
// -> (N, D)
void adapt(const Call& call);

// one (Q, D), or two of them, scale (D), shift (D), epsilon (1) -> (Q, D)
void normalise_one(const Call& call);
void normalise_sum(const Call& call);

}  // namespace piza
