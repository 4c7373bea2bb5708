// Multi-scale deformable sampling (Zhu et al. 2021, eq. 3), as export draws it in ONNX operators.
#pragma once

#include <cstddef>
#include <cstdint>

namespace piza {

// M heads of width d, L levels, P points a level, Q queries, N locations over all levels. Queries
// come last in places and scores, as in the exported graph.
struct Sampling {
    std::size_t heads, levels, points, queries, depth;
    const std::int64_t* sizes;  // (L, 2): width and height of each level, 2 or more
    const float* value;         // (N, M * d): the levels one after another, row by row
    const float* places;        // (M, L, P, 2, Q): x and y in cells; any value
    const float* scores;        // (M, L * P, Q): before their softmax over levels and points
    float* out;                 // (Q, M * d)
};

namespace sampling {

// Queries [from, to). The same loops once for each instruction set, see CMakeLists.txt. Room that
// nobody else uses: for each sample of kMultiple queries `weights` of its four corners, and the
// first corner's row of memory.
void loops_baseline(const Sampling& sampling, std::size_t from, std::size_t to, float* weights,
                    std::int32_t* rows);
#if defined(PIZA_X86)
void loops_avx2(const Sampling& sampling, std::size_t from, std::size_t to, float* weights,
                std::int32_t* rows);
void loops_avx512(const Sampling& sampling, std::size_t from, std::size_t to, float* weights,
                  std::int32_t* rows);
#endif

}  // namespace sampling
}  // namespace piza
