// Compiled once for each instruction set, PIZA_LOOPS being the name of the result; see
// crop_resize_loops.cpp for what that forbids.
#include "sampling.hpp"

#include "lanes.hpp"

namespace piza {
namespace {

// The nearest column or row that has a next one. What is not a number goes to the first.
inline Wholes cell(const Lanes& place, std::int64_t size) {
    const Lanes most = all_of(static_cast<float>(size - 2));
    const Lanes kept = greater(place, Lanes{});
    return whole(kept < most ? kept : most);  // not negative: cut off is rounded down
}

// 1 - distance, 0 from a distance of 1 on, not a number where that is none.
inline Lanes share(const Lanes& distance) {
    const Lanes left = 1.0F - (distance < 0.0F ? -distance : distance);
    return left < 0.0F ? Lanes{} : left;
}

// `count` floats, and zeros in the lanes beyond.
inline Lanes take(const float* from, std::size_t count) {
    if (count == kLanes) return load(from);
    Lanes taken{};
    for (std::size_t q = 0; q < count; ++q) taken[q] = from[q];
    return taken;
}

// The weights of one head's samples: the softmax of their scores, into every fourth row.
void softmax(const Sampling& given, std::size_t head, std::size_t first, std::size_t count,
             float* weights) {
    const std::size_t samples = given.levels * given.points;
    const float* const scores = given.scores + head * samples * given.queries + first;
    Lanes most = take(scores, count), sum{};
    for (std::size_t s = 1; s < samples; ++s) {
        most = greater(take(scores + s * given.queries, count), most);
    }
    for (std::size_t s = 0; s < samples; ++s) {
        const Lanes grown = exponential(take(scores + s * given.queries, count) - most);
        sum += grown;
        save(grown, weights + s * 4 * kLanes);
    }
    const Lanes scale = 1.0F / sum;
    for (std::size_t s = 0; s < samples; ++s) {
        float* const weight = weights + s * 4 * kLanes;
        save(load(weight) * scale, weight);
    }
}

// The four corners of each sample of one head and kLanes queries or fewer.
void corners(const Sampling& given, std::size_t head, std::size_t first, std::size_t count,
             float* weights, std::int32_t* rows) {
    softmax(given, head, first, count, weights);
    const float* place = given.places + head * given.levels * given.points * 2 * given.queries;
    std::int32_t start = 0;
    for (std::size_t level = 0; level < given.levels; ++level) {
        const std::int64_t width = given.sizes[2 * level], height = given.sizes[2 * level + 1];
        for (std::size_t point = 0; point < given.points; ++point) {
            const Lanes x = take(place + first, count);
            const Lanes y = take(place + given.queries + first, count);
            const Wholes column = cell(x, width), line = cell(y, height);
            const Lanes right = x - floats(column), below = y - floats(line);
            const Lanes weight = load(weights);
            const Lanes upper = share(below) * weight, lower = share(below - 1.0F) * weight;
            const Lanes near = share(right), far = share(right - 1.0F);
            save(upper * near, weights);
            save(upper * far, weights + kLanes);
            save(lower * near, weights + 2 * kLanes);
            save(lower * far, weights + 3 * kLanes);
            save(line * static_cast<std::int32_t>(width) + column + start, rows);
            place += 2 * given.queries;
            weights += 4 * kLanes;
            rows += kLanes;
        }
        start += static_cast<std::int32_t>(width * height);
    }
}

// The weighted sum of a part of the rows of a query's samples; `value` is where it begins in a row.
template <typename Vector>
inline void gather(const Sampling& given, const float* value, const float* weight,
                   const std::int32_t* row, float* out) {
    const std::size_t stride = given.heads * given.depth;
    Vector upper{}, lower{};  // two sums, so that the additions of one need not wait
    for (std::size_t level = 0; level < given.levels; ++level) {
        const std::size_t down = static_cast<std::size_t>(given.sizes[2 * level]) * stride;
        for (std::size_t point = 0; point < given.points; ++point) {
            const float* const at = value + static_cast<std::size_t>(*row) * stride;
            Vector a, b, c, d;
            read(at, a);
            read(at + stride, b);
            read(at + down, c);
            read(at + down + stride, d);
            upper += weight[0] * a;
            lower += weight[2 * kLanes] * c;
            upper += weight[kLanes] * b;
            lower += weight[3 * kLanes] * d;
            weight += 4 * kLanes;
            row += kLanes;
        }
    }
    save(upper + lower, out);
}

}  // namespace

namespace sampling {

void PIZA_LOOPS(const Sampling& given, std::size_t from, std::size_t to, float* weights,
                std::int32_t* rows) {
    const std::size_t stride = given.heads * given.depth;
    for (std::size_t first = from; first < to; first += kLanes) {
        const std::size_t count = to - first < kLanes ? to - first : kLanes;
        for (std::size_t head = 0; head < given.heads; ++head) {
            corners(given, head, first, count, weights, rows);
            const float* const value = given.value + head * given.depth;
            for (std::size_t q = 0; q < count; ++q) {
                float* const out = given.out + (first + q) * stride + head * given.depth;
                const float* const weight = weights + q;
                const std::int32_t* const row = rows + q;
                std::size_t k = 0;
                for (; k + kLanes <= given.depth; k += kLanes) {
                    gather<Lanes>(given, value + k, weight, row, out + k);
                }
                for (; k + kLanes / 2 <= given.depth; k += kLanes / 2) {
                    gather<HalfLanes>(given, value + k, weight, row, out + k);
                }
                for (; k < given.depth; ++k) gather<float>(given, value + k, weight, row, out + k);
            }
        }
    }
}

}  // namespace sampling
}  // namespace piza
