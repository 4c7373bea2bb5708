// Compiled once for each instruction set, PIZA_LOOPS being the name of the result; see
// crop_resize_loops.cpp for what that forbids.
#include "attention.hpp"

#include "lanes.hpp"

namespace piza {
namespace {

// What a head works with: its keys column by column, its values, and the shares of some queries.
struct Packed {
    std::size_t columns, width;  // S' and d'
    float* keys;                 // (d, S')
    float* values;               // (S, d')
    float* shares;               // (kMostRows, S')
};

Packed pack(const Attention& all, std::size_t head, float* room) {
    const std::size_t columns = padded(all.count), width = padded(all.depth);
    float* const values = room + all.depth * columns;
    const Packed packed{columns, width, room, values, values + all.count * width};
    const std::size_t stride = all.heads * all.depth, from = head * all.depth;
    for (std::size_t s = 0; s < columns; ++s) {
        const bool real = s < all.count;
        const std::size_t row = real ? all.keys[s] * stride + from : 0;
        for (std::size_t k = 0; k < all.depth; ++k) {
            packed.keys[k * columns + s] = real ? all.key[row + k] : 0.0F;
        }
        for (std::size_t k = 0; real && k < width; ++k) {
            packed.values[s * width + k] = k < all.depth ? all.value[row + k] : 0.0F;
        }
    }
    return packed;
}

// kCount queries from `row` on.
template <std::size_t kCount>
void attend(const Attention& all, const Packed& packed, std::size_t head, std::size_t row,
            float scale) {
    const std::size_t stride = all.heads * all.depth, from = row * stride + head * all.depth;
    Lanes sums[kCount];
    for (std::size_t s = 0; s < packed.columns; s += kLanes) {
        for (Lanes& sum : sums) sum = Lanes{};
        multiply<kCount>({all.query + from, stride, 1}, packed.keys + s, packed.columns, all.depth,
                         sums);
        for (std::size_t r = 0; r < kCount; ++r) {
            const std::size_t biased = all.bias_rows == 1 ? 0 : row + r;
            const Lanes scores = sums[r] * scale + load(all.bias + biased * packed.columns + s);
            save(scores, packed.shares + r * packed.columns + s);
        }
    }
    for (std::size_t r = 0; r < kCount; ++r) {
        float* const shares = packed.shares + r * packed.columns;
        softmax(shares, packed.columns, shares);
    }
    for (std::size_t k = 0; k < all.depth; k += kLanes) {
        for (Lanes& sum : sums) sum = Lanes{};
        multiply<kCount>({packed.shares, packed.columns, 1}, packed.values + k, packed.width,
                         all.count, sums);
        const std::size_t left = all.depth - k;
        for (std::size_t r = 0; r < kCount; ++r) {
            float* const out = all.out + from + r * stride + k;
            if (left >= kLanes) {
                save(sums[r], out);
            } else {
                for (std::size_t lane = 0; lane < left; ++lane) out[lane] = sums[r][lane];
            }
        }
    }
}

}  // namespace

namespace attention {

void PIZA_LOOPS(const Attention& all, std::size_t head, float* room) {
    const Packed packed = pack(all, head, room);
    const float scale = 1.0F / __builtin_sqrtf(static_cast<float>(all.depth));
    std::size_t row = 0;
    for (; row + kMostRows <= all.queries; row += kMostRows) {
        attend<kMostRows>(all, packed, head, row, scale);
    }
    for (; row < all.queries; ++row) attend<1>(all, packed, head, row, scale);
}

}  // namespace attention
}  // namespace piza
