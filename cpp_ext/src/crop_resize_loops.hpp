// The inner loops of the CPU kernel. They are compiled once for each instruction set that a
// machine may have (see CMakeLists.txt), and the best that this processor runs is chosen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arithmetic.hpp"

namespace piza {

constexpr std::size_t kRowPadding = 1;  // floats beyond the end of a row that may be read

// The filter of a row: `taps` weights for each output position, those not needed being 0, and the
// float of the row where the first pixel of each begins.
struct Filter {
    int taps;
    const int* first;
    const float* weights;  // [position * taps + k]
};

struct Loops {
    // row[x] = sum over k < count of weights[k] * lines[k][x], for x in [0, length)
    void (*blend_rows)(const std::uint8_t* const* lines, const float* weights, int count,
                       std::size_t length, float* row);

    // The same into two rows of pixels at once: present[x] += weights[k] * lines[k][x], while
    // next[x] = weights[count + k] * lines[k][x].
    void (*blend_between)(const std::uint8_t* const* lines, const float* weights, int count,
                          std::size_t length, float* present, float* next);

    // One row of each plane, out[p * plane_size + j] for j in [0, width), from a row of pixels.
    void (*blend_columns)(const float* row, const Filter& filter, int width, const Planes& planes,
                          float* out, std::size_t plane_size);
    void (*blend_columns_half)(const float* row, const Filter& filter, int width,
                               const Planes& planes, Half* out, std::size_t plane_size);

    // out[x] = weights[0] * above[x] + weights[1] * below[x], for x in [0, length)
    void (*mix)(const float* above, const float* below, const float* weights, int length,
                float* out);
    void (*mix_half)(const float* above, const float* below, const float* weights, int length,
                     Half* out);

    // Pixels [from, to) of row y of any frame, as packed bytes.
    void (*pack_row)(const Frame& frame, std::ptrdiff_t y, std::ptrdiff_t from, std::ptrdiff_t to,
                     std::uint8_t* packed);
};

extern const Loops loops_baseline;
#if defined(PIZA_X86)
extern const Loops loops_avx2, loops_avx512;
#endif

// The fastest that this processor runs.
const Loops& best_loops();

}  // namespace piza
