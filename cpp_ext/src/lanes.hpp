// A register of floats, in the vector types of GCC and Clang: of any instruction set. For files
// that are compiled once for each; everything has internal linkage, see crop_resize_loops.cpp.
//
// The types are as wide as the registers are: of wider ones GCC makes arrays in memory, and every
// operation is ten times as slow.
#pragma once

#include <cstddef>
#include <cstdint>

#include "widths.hpp"

namespace piza {
namespace {

#if defined(__AVX512F__)
#define PIZA_BYTES 64
#define PIZA_EACH(of) \
    of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7), of(8), of(9), of(10), of(11), of(12), \
        of(13), of(14), of(15)
#elif defined(__AVX__)
#define PIZA_BYTES 32
#define PIZA_EACH(of) of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7)
#else
#define PIZA_BYTES 16
#define PIZA_EACH(of) of(0), of(1), of(2), of(3)
#endif

constexpr std::size_t kLanes = PIZA_BYTES / sizeof(float);
static_assert(kMultiple % kLanes == 0, "registers fill what memory is laid out by");

typedef float Lanes __attribute__((vector_size(PIZA_BYTES)));
typedef float HalfLanes __attribute__((vector_size(PIZA_BYTES / 2)));
typedef std::int32_t Wholes __attribute__((vector_size(PIZA_BYTES)));

// The same in memory, where floats lie anywhere.
typedef float LooseLanes __attribute__((vector_size(PIZA_BYTES), aligned(4), may_alias));
typedef float LooseHalfLanes __attribute__((vector_size(PIZA_BYTES / 2), aligned(4), may_alias));
typedef std::int32_t LooseWholes __attribute__((vector_size(PIZA_BYTES), aligned(4), may_alias));

inline void read(const float* floats, Lanes& lanes) {
    lanes = *reinterpret_cast<const LooseLanes*>(floats);
}
inline void read(const float* floats, HalfLanes& lanes) {
    lanes = *reinterpret_cast<const LooseHalfLanes*>(floats);
}
inline void read(const float* floats, float& lane) { lane = *floats; }

inline void save(const Lanes& lanes, float* floats) {
    *reinterpret_cast<LooseLanes*>(floats) = lanes;
}
inline void save(const HalfLanes& lanes, float* floats) {
    *reinterpret_cast<LooseHalfLanes*>(floats) = lanes;
}
inline void save(float lane, float* floats) { *floats = lane; }
inline void save(const Wholes& lanes, std::int32_t* wholes) {
    *reinterpret_cast<LooseWholes*>(wholes) = lanes;
}

inline Lanes load(const float* floats) { return *reinterpret_cast<const LooseLanes*>(floats); }
inline Lanes all_of(float value) { return Lanes{} + value; }

// The second where the first is not a number.
inline Lanes greater(const Lanes& a, const Lanes& b) { return a > b ? a : b; }

inline Wholes whole(const Lanes& lanes) { return __builtin_convertvector(lanes, Wholes); }
inline Lanes floats(const Wholes& wholes) { return __builtin_convertvector(wholes, Lanes); }

// e to the x for x <= 0, within 2 units in the last place (Cephes' polynomial); below -87 as there,
// and what is not a number stays none.
inline Lanes exponential(const Lanes& x) {
    const Lanes low = greater(x, all_of(-87.0F));
    const Wholes turns = whole(low * 1.44269504F - 0.5F);  // to the nearest: low <= 0
    const Lanes of = floats(turns);
    const Lanes rest = (low - of * 0.693359375F) + of * 2.12194440e-4F;
    Lanes sum = rest * 1.9875691500e-4F + 1.3981999507e-3F;
    sum = sum * rest + 8.3334519073e-3F;
    sum = sum * rest + 4.1665795894e-2F;
    sum = sum * rest + 1.6666665459e-1F;
    sum = sum * rest + 5.0000001201e-1F;
    sum = sum * rest * rest + rest + 1.0F;
    const Wholes bits = (turns + 127) << 23;
    return x == x ? sum * reinterpret_cast<Lanes>(bits) : x;
}

// Lane k ^ kDistance in the place of lane k.
template <int kDistance>
inline Lanes swapped(const Lanes& lanes) {
#define PIZA_PARTNER(k) (k) ^ kDistance
#if defined(__clang__)
    return __builtin_shufflevector(lanes, lanes, PIZA_EACH(PIZA_PARTNER));
#else
    return __builtin_shuffle(lanes, Wholes{PIZA_EACH(PIZA_PARTNER)});
#endif
#undef PIZA_PARTNER
}

// In every lane what they come to together, by what `join` makes of two.
template <int kDistance = kLanes / 2, typename Join>
inline Lanes joined(const Lanes& lanes, const Join& join) {
    const Lanes pairs = join(lanes, swapped<kDistance>(lanes));
    if constexpr (kDistance > 1) {
        return joined<kDistance / 2>(pairs, join);
    } else {
        return pairs;
    }
}

inline Lanes greatest(const Lanes& lanes) { return joined(lanes, greater); }

inline Lanes total(const Lanes& lanes) {
    return joined(lanes, [](const Lanes& a, const Lanes& b) { return a + b; });
}

// The softmax of `count` scores, a multiple of kMultiple; `shares` may be where they are.
inline void softmax(const float* scores, std::size_t count, float* shares) {
    Lanes most = load(scores), sum{};
    for (std::size_t k = kLanes; k < count; k += kLanes) most = greater(load(scores + k), most);
    most = greatest(most);
    for (std::size_t k = 0; k < count; k += kLanes) {
        const Lanes grown = exponential(load(scores + k) - most);
        sum += grown;
        save(grown, shares + k);
    }
    const Lanes scale = 1.0F / total(sum);
    for (std::size_t k = 0; k < count; k += kLanes) save(load(shares + k) * scale, shares + k);
}

// A factor of a product: element (row, k) is floats[row * by_row + k * by_k].
struct Factor {
    const float* floats;
    std::size_t by_row, by_k;
};

// sums[row] += sum over k < depth of left(row, k) * right[k * stride, + kLanes), for kCount rows
template <std::size_t kCount>
inline void multiply(const Factor& left, const float* right, std::size_t stride,
                     std::size_t depth, Lanes* sums) {
    Lanes held[kCount];
    for (std::size_t row = 0; row < kCount; ++row) held[row] = sums[row];
    for (std::size_t k = 0; k < depth; ++k) {
        const Lanes some = load(right + k * stride);
        for (std::size_t row = 0; row < kCount; ++row) {
            held[row] += left.floats[row * left.by_row + k * left.by_k] * some;
        }
    }
    for (std::size_t row = 0; row < kCount; ++row) sums[row] = held[row];
}

}  // namespace
}  // namespace piza
