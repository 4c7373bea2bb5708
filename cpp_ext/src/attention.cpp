#include "attention.hpp"

#include <vector>

#include "operator.hpp"
#include "widths.hpp"

namespace piza {
namespace {

constexpr float kMasked = -5000.0F;   // export adds -10,000 to what is no token
constexpr float kNothing = -1.0e30F;  // the score of a column without a key

// Keys that queries see: where all have the same bias, those that it does not mask, if any.
std::vector<std::size_t> seen(const Tensor* bias, std::size_t keys) {
    std::vector<std::size_t> found, all;
    for (std::size_t key = 0; key < keys; ++key) {
        all.push_back(key);
        const bool same = bias != nullptr && bias->side(1) == 1;
        if (same && !(bias->floats()[key] < kMasked)) found.push_back(key);
    }
    return found.empty() ? all : found;
}

void attend(const Call& call, bool biased) {
    const Tensor query = call.input(0, 2), key = call.input(1, 2), value = call.input(2, 2);
    const Tensor bias = biased ? call.input(3, 3) : Tensor{};
    const Tensor number = call.input(biased ? 4 : 3, 1);
    const std::size_t width = query.side(1), keys = key.side(0), queries = query.side(0);
    const std::size_t heads = number.side(0) == 1 ? static_cast<std::size_t>(*number.wholes()) : 0;
    const bool fits = heads > 0 && width % heads == 0 && width > 0 && keys > 0 &&
                      key.side(1) == width && value.sides == key.sides &&
                      (!biased || (bias.side(0) == 1 && bias.side(2) == keys &&
                                   (bias.side(1) == 1 || bias.side(1) == queries)));
    if (!fits) throw Refusal{"the inputs of an attention do not fit each other"};

    const std::vector<std::size_t> counted = seen(biased ? &bias : nullptr, keys);
    const std::size_t rows = biased ? bias.side(1) : 1, columns = padded(counted.size());
    std::vector<float> biases(rows * columns, kNothing);
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t s = 0; s < counted.size(); ++s) {
            biases[row * columns + s] = biased ? bias.floats()[row * keys + counted[s]] : 0.0F;
        }
    }
    const std::size_t depth = width / heads;
    const Attention all{heads,          depth,        queries,        counted.size(),
                        counted.data(), query.floats(), key.floats(), value.floats(),
                        rows,           biases.data(), call.output(0, {queries, width})};
    const std::size_t room =
        depth * columns + counted.size() * padded(depth) + kMostRows * columns;
    const auto loops = PIZA_BEST(attention);
    call.parallel(heads, [&](std::size_t head) {
        thread_local std::vector<float> own;
        if (own.size() < room) own.resize(room);
        loops(all, head, own.data());
    });
}

}  // namespace

void attend(const Call& call) { attend(call, false); }
void attend_biased(const Call& call) { attend(call, true); }

}  // namespace piza
