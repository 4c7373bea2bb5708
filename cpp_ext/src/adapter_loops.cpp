// Compiled once for each instruction set, PIZA_LOOPS being the name of the result; see
// crop_resize_loops.cpp for what that forbids.
#include "adapter.hpp"

#include "normalised.hpp"

namespace piza {
namespace {

// x times the share of a normal distribution below it; its error function is that of Abramowitz &
// Stegun 7.1.26, within 1.5e-7.
inline Lanes gelu(const Lanes& x) {
    const Lanes size = (x < 0.0F ? -x : x) * 0.70710678F;
    const Lanes t = 1.0F / (1.0F + 0.3275911F * size);
    Lanes sum = t * 1.061405429F - 1.453152027F;
    sum = sum * t + 1.421413741F;
    sum = sum * t - 0.284496736F;
    sum = sum * t + 0.254829592F;
    const Lanes beyond = 0.5F * sum * t * exponential(-size * size);  // of either side
    return x * (x < 0.0F ? beyond : 1.0F - beyond);
}

// kCount rows from `row` on.
template <std::size_t kCount>
void adapt(const Adapter& all, std::size_t row, float* room) {
    float* const given = room;  // (kCount, D)
    float* const hidden = room + kCount * all.width;  // (kCount, R)
    const std::size_t at = row * all.width;
    for (std::size_t k = 0; k < kCount * all.width; k += kLanes) {
        save(load(all.first + at + k) + load(all.second + at + k), given + k);
    }
    for (std::size_t k = 0; k < all.bottleneck; k += kLanes) {
        Lanes sums[kCount];
        for (Lanes& sum : sums) sum = load(all.down_bias + k);
        multiply<kCount>({given, all.width, 1}, all.down + k, all.bottleneck, all.width, sums);
        for (std::size_t r = 0; r < kCount; ++r) {
            save(gelu(sums[r]), hidden + r * all.bottleneck + k);
        }
    }
    float* const out = all.out + at;
    Lanes totals[kCount] = {};
    for (std::size_t k = 0; k < all.width; k += kLanes) {
        Lanes sums[kCount];
        for (std::size_t r = 0; r < kCount; ++r) {
            sums[r] = load(given + r * all.width + k) + load(all.up_bias + k);
        }
        multiply<kCount>({hidden, all.bottleneck, 1}, all.up + k, all.width, all.bottleneck, sums);
        for (std::size_t r = 0; r < kCount; ++r) {
            totals[r] += sums[r];
            save(sums[r], out + r * all.width + k);
        }
    }
    for (std::size_t r = 0; r < kCount; ++r) {
        normalise_row(out + r * all.width, all.width, totals[r], all.scale, all.shift,
                      all.epsilon);
    }
}

}  // namespace

namespace adapter {

void PIZA_LOOPS(const Adapter& all, std::size_t from, std::size_t to, float* room) {
    std::size_t row = from;
    for (; row + kMostRows <= to; row += kMostRows) adapt<kMostRows>(all, row, room);
    for (; row < to; ++row) adapt<1>(all, row, room);
}

}  // namespace adapter
}  // namespace piza
