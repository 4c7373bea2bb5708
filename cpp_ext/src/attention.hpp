// Scaled dot-product attention (Vaswani et al. 2017) of few queries and keys.
#pragma once

#include <cstddef>

namespace piza {

// M heads of width d, Q queries, S keys that count; S' and d' are S and d, or the next multiples
// of kMultiple.
struct Attention {
    std::size_t heads, depth, queries;
    std::size_t count;           // S
    const std::size_t* keys;     // (S), of the keys that there are
    const float* query;          // (Q, M * d)
    const float* key;            // (keys, M * d)
    const float* value;          // (keys, M * d)
    std::size_t bias_rows;       // Q, or 1 for all queries
    const float* bias;           // (bias_rows, S'): added to scores; very small beyond S
    float* out;                  // (Q, M * d)
};

namespace attention {

// One head. The same loops once for each instruction set, see CMakeLists.txt. `room` of
// d * S' + S * d' + kMostRows * S' floats is nobody else's.
void loops_baseline(const Attention& attention, std::size_t head, float* room);
#if defined(PIZA_X86)
void loops_avx2(const Attention& attention, std::size_t head, float* room);
void loops_avx512(const Attention& attention, std::size_t head, float* room);
#endif

}  // namespace attention
}  // namespace piza
