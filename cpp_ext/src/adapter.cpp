#include "adapter.hpp"

#include <vector>

#include "operator.hpp"
#include "widths.hpp"

namespace piza {
namespace {

constexpr std::size_t kTask = 64;  // rows that a thread takes at once

}  // namespace

void adapt(const Call& call) {
    const Tensor first = call.input(0, 2), second = call.input(1, 2), down = call.input(2, 2);
    const Tensor down_bias = call.input(3, 1), up = call.input(4, 2), up_bias = call.input(5, 2);
    const Tensor scale = call.input(6, 1), shift = call.input(7, 1), epsilon = call.input(8, 1);
    Adapter all{};
    all.rows = first.side(0);
    all.width = first.side(1);
    all.bottleneck = down.side(1);
    const bool fits = all.width > 0 && all.width % kMultiple == 0 && all.bottleneck > 0 &&
                      all.bottleneck % kMultiple == 0 && second.sides == first.sides &&
                      down.side(0) == all.width && down_bias.side(0) == all.bottleneck &&
                      up.side(0) == all.bottleneck && up.side(1) == all.width &&
                      up_bias.side(0) == 1 && up_bias.side(1) == all.width &&
                      scale.side(0) == all.width && shift.side(0) == all.width &&
                      epsilon.side(0) == 1;
    if (!fits) throw Refusal{"the inputs of an adapter do not fit each other"};
    all.first = first.floats();
    all.second = second.floats();
    all.down = down.floats();
    all.down_bias = down_bias.floats();
    all.up = up.floats();
    all.up_bias = up_bias.floats();
    all.scale = scale.floats();
    all.shift = shift.floats();
    all.epsilon = *epsilon.floats();
    all.out = call.output(0, {all.rows, all.width});
    const auto loops = PIZA_BEST(adapter);
    call.parallel((all.rows + kTask - 1) / kTask, [&](std::size_t task) {
        thread_local std::vector<float> room;
        room.resize(kMostRows * (all.width + all.bottleneck));
        const std::size_t end = (task + 1) * kTask;
        loops(all, task * kTask, end < all.rows ? end : all.rows, room.data());
    });
}

}  // namespace piza
