// Compiled once for each instruction set, PIZA_LOOPS being the name of the result; see
// crop_resize_loops.cpp for what that forbids.
#include "norm.hpp"

#include "lanes.hpp"

namespace piza {
namespace {

// One over the root of a positive number, by Newton's method from a guess by its bits: there is no
// function for it that all compilers make a vector of.
inline Lanes one_over_root(const Lanes& x) {
    const Wholes guess = 0x5f375a86 - (reinterpret_cast<Wholes>(x) >> 1);
    Lanes root = reinterpret_cast<Lanes>(guess);
    for (int k = 0; k < 4; ++k) root = root * (1.5F - 0.5F * x * root * root);
    return root;
}

void normalise(const Norm& all, std::size_t row) {
    const float* const first = all.first + row * all.width;
    const float* const second = all.second == nullptr ? nullptr : all.second + row * all.width;
    float* const out = all.out + row * all.width;
    Lanes sum{}, squares{};
    for (std::size_t k = 0; k < all.width; k += kLanes) {
        Lanes some = load(first + k);
        if (second != nullptr) some += load(second + k);
        sum += some;
        save(some, out + k);
    }
    const float share = 1.0F / static_cast<float>(all.width);
    const Lanes mean = total(sum) * share;
    for (std::size_t k = 0; k < all.width; k += kLanes) {
        const Lanes away = load(out + k) - mean;
        squares += away * away;
    }
    const Lanes factor = one_over_root(total(squares) * share + all.epsilon);
    for (std::size_t k = 0; k < all.width; k += kLanes) {
        const Lanes scaled = (load(out + k) - mean) * factor * load(all.scale + k);
        save(scaled + load(all.shift + k), out + k);
    }
}

}  // namespace

namespace norm {

void PIZA_LOOPS(const Norm& all, std::size_t from, std::size_t to) {
    for (std::size_t row = from; row < to; ++row) normalise(all, row);
}

}  // namespace norm
}  // namespace piza
