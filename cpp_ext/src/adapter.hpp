// An adapter with a bottleneck (Houlsby et al. 2019; Adapter+, Steitz & Roth 2024) beside what it
// adapts, and the layer normalisation behind both: norm(x + up(gelu(down(x)))).
#pragma once

#include <cstddef>

namespace piza {

struct Adapter {
    std::size_t rows, width, bottleneck;  // D and R are multiples of kMultiple
    const float* first;                   // (rows, D)
    const float* second;                  // (rows, D): x is their sum
    const float* down;                    // (D, R)
    const float* down_bias;               // (R)
    const float* up;                      // (R, D)
    const float* up_bias;                 // (D)
    const float* scale;                   // (D)
    const float* shift;                   // (D)
    float epsilon;
    float* out;  // (rows, D)
};

namespace adapter {

// Rows [from, to). The same loops once for each instruction set, see CMakeLists.txt. `room` of
// kMostRows * (D + R) floats is nobody else's.
void loops_baseline(const Adapter& all, std::size_t from, std::size_t to, float* room);
#if defined(PIZA_X86)
void loops_avx2(const Adapter& all, std::size_t from, std::size_t to, float* room);
void loops_avx512(const Adapter& all, std::size_t from, std::size_t to, float* room);
#endif

}  // namespace adapter
}  // namespace piza
