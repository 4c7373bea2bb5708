#include "winograd.hpp"

#include <vector>

#include "operator.hpp"
#include "widths.hpp"

namespace piza {
namespace {

constexpr std::size_t kTask = 30;  // tiles that a thread takes at once, or more: they share weights

void convolve(const Call& call, bool summed) {
    const Tensor image = call.input(0, 4), weights = call.input(1, 3), bias = call.input(2, 1);
    const Tensor residual = summed ? call.input(3, 4) : Tensor{};
    Convolution all{};
    all.channels = weights.side(1);
    all.filters = weights.side(2);
    all.height = image.side(2);
    all.width = image.side(3);
    const std::vector<std::int64_t> sides{1, weights.sides[2], image.sides[2], image.sides[3]};
    const bool fits = image.side(0) == 1 && image.side(1) == all.channels &&
                      weights.side(0) == kPlaces && all.channels % kMultiple == 0 &&
                      all.filters % kMultiple == 0 && bias.side(0) == all.filters &&
                      (!summed || residual.sides == sides);
    if (!fits) throw Refusal{"the inputs of a convolution do not fit each other"};
    all.image = image.floats();
    all.weights = weights.floats();
    all.bias = bias.floats();
    all.residual = summed ? residual.floats() : nullptr;
    all.out = call.output(0, {1, all.filters, all.height, all.width});
    if (all.filters == 0 || all.height == 0 || all.width == 0) return;

    const std::size_t down = all.tiles_down(), across = all.tiles_across();
    const std::size_t least = (kTask + across - 1) / across, tasks = (down + least - 1) / least;
    const std::size_t rows = (down + tasks - 1) / tasks;
    const auto loops = PIZA_BEST(winograd);
    call.parallel(tasks, [&](std::size_t task) {
        const std::size_t from = task * rows, to = from + rows < down ? from + rows : down;
        if (from >= to) return;
        thread_local std::vector<float> room;
        if (room.size() < all.room(rows)) room.resize(all.room(rows));
        loops(all, from, to, room.data());
    });
}

}  // namespace

void convolve(const Call& call) { convolve(call, false); }
void convolve_sum(const Call& call) { convolve(call, true); }

}  // namespace piza
