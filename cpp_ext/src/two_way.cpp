#include "two_way.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "operator.hpp"
#include "widths.hpp"

namespace piza {
namespace {

constexpr std::size_t kTask = 64;     // locations that a thread takes at once
constexpr float kMasked = -5000.0F;   // a token with less is padding: export adds -10,000
constexpr float kNothing = -1.0e30F;  // the score of a column without a token

// Memory that is kept from call to call.
class Room {
public:
    // Part `index`, of at least so many floats, as the last call left them.
    float* take(std::size_t index, std::size_t floats) {
        std::vector<float>& part = parts_[index];
        if (part.size() < floats) part.resize(floats);
        return part.data();
    }

private:
    std::vector<float> parts_[7];
};

// The tokens that have a column; for each token which of these is its own.
struct Columns {
    std::vector<std::size_t> tokens, own;
};

// Padding tokens are alike, and there are many: all that are alike share a column. Where nothing
// but padding is, every token has its own, since a softmax counts them.
Columns choose(const float* meant, const float* bias, const float* said, std::size_t heads,
               std::size_t tokens, std::size_t width) {
    const auto alike = [&](std::size_t a, std::size_t b) {
        for (std::size_t row = 0; row < heads * tokens; row += tokens) {
            const std::size_t bytes = width * sizeof(float);
            if (bias[row + a] != bias[row + b] ||
                std::memcmp(meant + (row + a) * width, meant + (row + b) * width, bytes) != 0 ||
                std::memcmp(said + (row + a) * width, said + (row + b) * width, bytes) != 0) {
                return false;
            }
        }
        return true;
    };
    Columns found;
    std::size_t padding = tokens;  // the first that is
    bool all = true;
    for (std::size_t token = 0; token < tokens; ++token) all = all && bias[token] < kMasked;
    for (std::size_t token = 0; token < tokens; ++token) {
        if (!all && bias[token] < kMasked) {
            if (padding < tokens && alike(padding, token)) {
                found.own.push_back(found.own[padding]);
                continue;
            }
            padding = padding < tokens ? padding : token;
        }
        found.own.push_back(found.tokens.size());
        found.tokens.push_back(token);
    }
    return found;
}

}  // namespace

void attend_both_ways(const Call& call) {
    const Tensor image = call.input(0, 2), meant = call.input(1, 2), bias = call.input(2, 1);
    const Tensor said = call.input(3, 2), told = call.input(4, 2), number = call.input(5, 1);
    const std::size_t locations = image.side(0), width = image.side(1), rows = meant.side(0);
    const std::size_t heads = number.side(0) == 1 ? static_cast<std::size_t>(*number.wholes()) : 0;
    const bool fits = heads > 0 && rows > 0 && rows % heads == 0 && width % kMultiple == 0 &&
                      meant.side(1) == width && bias.side(0) == rows && said.side(0) == rows &&
                      said.side(1) == width && told.side(0) == 1 && told.side(1) == width;
    if (!fits) throw Refusal{"the inputs of attention both ways do not fit each other"};

    const std::size_t tokens = rows / heads;
    const Columns chosen =
        choose(meant.floats(), bias.floats(), said.floats(), heads, tokens, width);
    const std::size_t each = padded(chosen.tokens.size());
    const std::size_t columns = heads * each, tasks = (locations + kTask - 1) / kTask;
    thread_local Room room;  // kept, since to ask for that much takes as long as to use it
    float* const packed = room.take(0, columns * width);
    float* const biases = room.take(1, columns);
    float* const says = room.take(2, columns * width);
    float* const scores = room.take(3, locations * columns);
    float* const most = room.take(4, tasks * columns);
    float* const sums = room.take(5, tasks * columns);
    float* const parts = room.take(6, tasks * columns * width);
    std::fill(packed, packed + columns * width, 0.0F);
    std::fill(says, says + columns * width, 0.0F);
    std::fill(biases, biases + columns, kNothing);
    for (std::size_t head = 0; head < heads; ++head) {
        for (std::size_t k = 0; k < chosen.tokens.size(); ++k) {
            const std::size_t row = head * tokens + chosen.tokens[k], column = head * each + k;
            const float* const from = meant.floats() + row * width;
            float* const to = packed + column / kMultiple * kMultiple * width;
            for (std::size_t d = 0; d < width; ++d) to[d * kMultiple + column % kMultiple] = from[d];
            std::memcpy(says + column * width, said.floats() + row * width,
                        width * sizeof(float));
            biases[column] = bias.floats()[row];
        }
    }
    const TwoWay all{locations, width,  heads, columns,       image.floats(),
                     packed,    biases, says,  told.floats(), scores,
                     call.output(0, {locations, width})};
    float* const heard = call.output(1, {rows, width});
    const TwoWayLoops& loops = *PIZA_BEST(&two_way);
    const auto heard_by = [&](std::size_t task, float* greatest) {
        return Heard{greatest, sums + task * columns, parts + task * columns * width};
    };
    const auto end = [&](std::size_t task) {
        return (task + 1) * kTask < locations ? (task + 1) * kTask : locations;
    };
    call.parallel(tasks, [&](std::size_t task) {
        thread_local Room own;
        loops.answer(all, task * kTask, end(task), heard_by(task, most + task * columns),
                     own.take(0, kMostRows * columns));
    });
    for (std::size_t task = 1; task < tasks; ++task) {
        for (std::size_t c = 0; c < columns; ++c) {
            most[c] = std::max(most[c], most[task * columns + c]);
        }
    }
    call.parallel(tasks, [&](std::size_t task) {
        loops.listen(all, task * kTask, end(task), heard_by(task, most));
    });
    for (std::size_t task = 1; task < tasks; ++task) {
        for (std::size_t c = 0; c < columns; ++c) sums[c] += sums[task * columns + c];
        const float* const part = parts + task * columns * width;
        for (std::size_t k = 0; k < columns * width; ++k) parts[k] += part[k];
    }
    for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t column = row / tokens * each + chosen.own[row % tokens];
        const float scale = 1.0F / sums[column];
        for (std::size_t d = 0; d < width; ++d) {
            heard[row * width + d] = parts[column * width + d] * scale;
        }
    }
}

}  // namespace piza
