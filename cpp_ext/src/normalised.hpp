// Layer normalisation of one row, for files that are compiled once for each instruction set.
#pragma once

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

// In place. `width` is a multiple of kMultiple, `sum` that of the row.
inline void normalise_row(float* row, std::size_t width, const Lanes& sum, const float* scale,
                          const float* shift, float epsilon) {
    const float share = 1.0F / static_cast<float>(width);
    const Lanes mean = total(sum) * share;
    Lanes squares{};
    for (std::size_t k = 0; k < width; k += kLanes) {
        const Lanes away = load(row + k) - mean;
        squares += away * away;
    }
    const Lanes factor = one_over_root(total(squares) * share + epsilon);
    for (std::size_t k = 0; k < width; k += kLanes) {
        const Lanes scaled = (load(row + k) - mean) * factor * load(scale + k);
        save(scaled + load(shift + k), row + k);
    }
}

}  // namespace
}  // namespace piza
