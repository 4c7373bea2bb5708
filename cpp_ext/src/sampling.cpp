#include "sampling.hpp"

#include <vector>

#include "operator.hpp"
#include "widths.hpp"

namespace piza {
namespace {

constexpr std::size_t kTask = 2 * kMultiple;  // queries that a thread takes at once

// Refuses what would read outside of the memory.
void check(const Sampling& all, const Tensor& value, const Tensor& places, const Tensor& scores,
           const Tensor& sizes) {
    const bool fits = all.heads > 0 && value.side(1) % all.heads == 0 && places.side(3) == 2 &&
                      scores.side(0) == all.heads && scores.side(1) == all.levels * all.points &&
                      scores.side(2) == all.queries && sizes.side(0) == all.levels &&
                      sizes.side(1) == 2;
    if (!fits) throw Refusal{"the inputs of deformable sampling do not fit each other"};
    std::int64_t locations = 0;
    for (std::size_t level = 0; level < all.levels; ++level) {
        const std::int64_t width = all.sizes[2 * level], height = all.sizes[2 * level + 1];
        if (width < 2 || height < 2) throw Refusal{"a level of deformable sampling is too small"};
        locations += width * height;
    }
    if (locations != value.sides[0]) throw Refusal{"the levels are not all of the locations"};
}

}  // namespace

void sample(const Call& call) {
    const Tensor value = call.input(0, 2), places = call.input(1, 5), scores = call.input(2, 3);
    const Tensor sizes = call.input(3, 2);
    Sampling all{};
    all.heads = places.side(0);
    all.levels = places.side(1);
    all.points = places.side(2);
    all.queries = places.side(4);
    all.sizes = sizes.wholes();
    all.value = value.floats();
    all.places = places.floats();
    all.scores = scores.floats();
    check(all, value, places, scores, sizes);
    all.depth = value.side(1) / all.heads;
    all.out = call.output(0, {all.queries, value.side(1)});
    const auto loops = PIZA_BEST(sampling);
    call.parallel((all.queries + kTask - 1) / kTask, [&](std::size_t task) {
        const std::size_t lanes = all.levels * all.points * kMultiple;
        thread_local std::vector<float> weights;
        thread_local std::vector<std::int32_t> rows;
        weights.resize(lanes * 4);
        rows.resize(lanes);
        const std::size_t from = task * kTask, end = from + kTask;
        loops(all, from, end < all.queries ? end : all.queries, weights.data(), rows.data());
    });
}

}  // namespace piza
