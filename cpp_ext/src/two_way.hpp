// Attention between image and text in both directions, which share their scores (GLIP, Li et al.
// 2022), as export draws it in ONNX operators: `fuse` in train/models/grounding_dino/layers.py.
#pragma once

#include <cstddef>

namespace piza {

// N locations, D features, M heads, C columns: for each head as many, tokens and then nothing.
struct TwoWay {
    std::size_t locations, width, heads, columns;  // D and C / M are multiples of kMultiple
    const float* image;                            // (N, D)
    const float* meant;                            // (C / kMultiple, D, kMultiple): for products
    const float* bias;                             // (C)
    const float* said;                             // (C, D): what tokens say to locations
    const float* told;                             // (D), added to it
    float* scores;                                 // (N, C)
    float* out;                                    // (N, D)
};

// What some of the locations say to each column: the greatest score of each, and as much of the
// softmax and of its product with the image as they make up.
struct Heard {
    float* most;  // (C)
    float* sums;  // (C)
    float* parts; // (C, D)
};

// Locations [from, to). `answer` is the first half: scores, out and the greatest scores; `room` of
// kMostRows * C floats is nobody else's. `listen` is the second, with the greatest scores of all.
struct TwoWayLoops {
    void (*answer)(const TwoWay&, std::size_t from, std::size_t to, const Heard&, float* room);
    void (*listen)(const TwoWay&, std::size_t from, std::size_t to, const Heard&);
};

namespace two_way {

// The same loops, once for each instruction set (see CMakeLists.txt).
extern const TwoWayLoops loops_baseline;
#if defined(PIZA_X86)
extern const TwoWayLoops loops_avx2, loops_avx512;
#endif

}  // namespace two_way
}  // namespace piza
