// Compiled once for each instruction set, PIZA_LOOPS being the name of the result; see
// crop_resize_loops.cpp for what that forbids.
#include "norm.hpp"

#include "normalised.hpp"

namespace piza {
namespace {

void normalise(const Norm& all, std::size_t row) {
    const float* const first = all.first + row * all.width;
    const float* const second = all.second == nullptr ? nullptr : all.second + row * all.width;
    float* const out = all.out + row * all.width;
    Lanes sum{};
    for (std::size_t k = 0; k < all.width; k += kLanes) {
        Lanes some = load(first + k);
        if (second != nullptr) some += load(second + k);
        sum += some;
        save(some, out + k);
    }
    normalise_row(out, all.width, sum, all.scale, all.shift, all.epsilon);
}

}  // namespace

namespace norm {

void PIZA_LOOPS(const Norm& all, std::size_t from, std::size_t to) {
    for (std::size_t row = from; row < to; ++row) normalise(all, row);
}

}  // namespace norm
}  // namespace piza
