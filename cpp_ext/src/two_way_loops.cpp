// Compiled once for each instruction set, PIZA_LOOPS being the name of the result; see
// crop_resize_loops.cpp for what that forbids.
#include "two_way.hpp"

#include "lanes.hpp"

namespace piza {
namespace {

// kCount locations from `row` on.
template <std::size_t kCount>
void answer_rows(const TwoWay& all, std::size_t row, const Heard& heard, float* shares) {
    const float* const image = all.image + row * all.width;
    float* const scores = all.scores + row * all.columns;
    float* const out = all.out + row * all.width;
    Lanes sums[kCount];
    for (std::size_t c = 0; c < all.columns; c += kLanes) {
        for (Lanes& sum : sums) sum = Lanes{};
        const float* const meant = all.meant + c / kMultiple * kMultiple * all.width;
        multiply<kCount>({image, all.width, 1}, meant + c % kMultiple, kMultiple, all.width, sums);
        for (std::size_t r = 0; r < kCount; ++r) {
            save(sums[r] + load(all.bias + c), scores + r * all.columns + c);
        }
    }
    const std::size_t tokens = all.columns / all.heads;
    for (std::size_t r = 0; r < kCount; ++r) {
        const float* const own = scores + r * all.columns;
        for (std::size_t c = 0; c < all.columns; c += kLanes) {
            save(greater(load(own + c), load(heard.most + c)), heard.most + c);
        }
        for (std::size_t c = 0; c < all.columns; c += tokens) {
            softmax(own + c, tokens, shares + r * all.columns + c);
        }
    }
    for (std::size_t k = 0; k < all.width; k += kLanes) {
        for (std::size_t r = 0; r < kCount; ++r) {
            sums[r] = load(image + r * all.width + k) + load(all.told + k);
        }
        multiply<kCount>({shares, all.columns, 1}, all.said + k, all.width, all.columns, sums);
        for (std::size_t r = 0; r < kCount; ++r) save(sums[r], out + r * all.width + k);
    }
}

void answer(const TwoWay& all, std::size_t from, std::size_t to, const Heard& heard, float* room) {
    for (std::size_t c = 0; c < all.columns; ++c) heard.most[c] = -3.0e38F;
    std::size_t row = from;
    for (; row + kMostRows <= to; row += kMostRows) answer_rows<kMostRows>(all, row, heard, room);
    for (; row < to; ++row) answer_rows<1>(all, row, heard, room);
}

void listen(const TwoWay& all, std::size_t from, std::size_t to, const Heard& heard) {
    for (std::size_t c = 0; c < all.columns; ++c) heard.sums[c] = 0.0F;
    for (std::size_t row = from; row < to; ++row) {
        float* const scores = all.scores + row * all.columns;
        for (std::size_t c = 0; c < all.columns; c += kLanes) {
            const Lanes grown = exponential(load(scores + c) - load(heard.most + c));
            save(grown, scores + c);
            save(load(heard.sums + c) + grown, heard.sums + c);
        }
    }
    for (std::size_t c = 0; c < all.columns; c += kMostRows) {  // a whole number of times
        for (std::size_t k = 0; k < all.width; k += kLanes) {
            Lanes sums[kMostRows] = {};
            const Factor shares{all.scores + from * all.columns + c, 1, all.columns};
            multiply<kMostRows>(shares, all.image + from * all.width + k, all.width, to - from, sums);
            for (std::size_t r = 0; r < kMostRows; ++r) {
                save(sums[r], heard.parts + (c + r) * all.width + k);
            }
        }
    }
}

}  // namespace

namespace two_way {

extern const TwoWayLoops PIZA_LOOPS;
const TwoWayLoops PIZA_LOOPS = {answer, listen};

}  // namespace two_way
}  // namespace piza
