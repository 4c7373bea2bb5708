#include "norm.hpp"

#include "operator.hpp"
#include "widths.hpp"

namespace piza {
namespace {

constexpr std::size_t kTask = 128;  // rows that a thread takes at once

// `inputs`: one, or two that are added up; behind them come scale, shift and epsilon.
void normalise(const Call& call, std::size_t inputs) {
    const Tensor first = call.input(0, 2), second = call.input(inputs - 1, 2);
    const Tensor scale = call.input(inputs, 1), shift = call.input(inputs + 1, 1);
    const Tensor epsilon = call.input(inputs + 2, 1);
    Norm all{};
    all.rows = first.side(0);
    all.width = first.side(1);
    if (all.width == 0 || all.width % kMultiple != 0 || second.sides != first.sides ||
        scale.side(0) != all.width || shift.side(0) != all.width || epsilon.side(0) != 1) {
        throw Refusal{"the inputs of a normalisation do not fit each other"};
    }
    all.first = first.floats();
    all.second = inputs == 1 ? nullptr : second.floats();
    all.scale = scale.floats();
    all.shift = shift.floats();
    all.epsilon = *epsilon.floats();
    all.out = call.output(0, {all.rows, all.width});
    const auto loops = PIZA_BEST(norm);
    call.parallel((all.rows + kTask - 1) / kTask, [&](std::size_t task) {
        const std::size_t end = (task + 1) * kTask;
        loops(all, task * kTask, end < all.rows ? end : all.rows);
    });
}

}  // namespace

void normalise_one(const Call& call) { normalise(call, 1); }
void normalise_sum(const Call& call) { normalise(call, 2); }

}  // namespace piza
