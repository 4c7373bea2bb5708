// Convolutions of 3x3 by Winograd's F(4x4, 3x3) (Lavin & Gray 2016): 36 products for what takes 144.
#pragma once

#include <cstddef>

namespace piza {

constexpr std::size_t kOutside = 4;                 // outputs of a tile, across and down
constexpr std::size_t kInside = kOutside + 2;       // what they are made from
constexpr std::size_t kPlaces = kInside * kInside;  // of a tile where products are taken

// C channels and K filters, both multiples of kMultiple; steps of one, a border of one zero.
struct Convolution {
    std::size_t channels, filters, height, width;
    const float* image;     // (C, H, W)
    const float* weights;   // (36, C, K): the filters as products take them
    const float* bias;      // (K)
    const float* residual;  // (K, H, W), added, or null
    float* out;             // (K, H, W): what is above 0

    std::size_t tiles_across() const { return (width + kOutside - 1) / kOutside; }
    std::size_t tiles_down() const { return (height + kOutside - 1) / kOutside; }

    // Floats of the room that `rows` rows of tiles take.
    std::size_t room(std::size_t rows) const {
        const std::size_t across = tiles_across(), most = channels > filters ? channels : filters;
        return (kOutside * rows + 2) * (kOutside * across + 2) * most +
               kPlaces * rows * across * (channels + filters);
    }
};

namespace winograd {

// Tiles of the rows [from, to). The same loops once for each instruction set, see CMakeLists.txt.
// `room` is nobody else's.
void loops_baseline(const Convolution& all, std::size_t from, std::size_t to, float* room);
#if defined(PIZA_X86)
void loops_avx2(const Convolution& all, std::size_t from, std::size_t to, float* room);
void loops_avx512(const Convolution& all, std::size_t from, std::size_t to, float* room);
#endif

}  // namespace winograd
}  // namespace piza
