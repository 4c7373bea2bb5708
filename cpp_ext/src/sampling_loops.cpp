// Loops that compilers vectorise, compiled once for each instruction set: see crop_resize_loops.cpp
// for what that forbids. PIZA_LOOPS is the name of the result.
#include "sampling.hpp"

namespace piza {
namespace {

constexpr std::size_t kChunk = 8;  // floats of a row that are summed in one register

// e to the x for x <= 0, within 2 units in the last place (Cephes' polynomial); below -87 as there,
// and what is not a number stays none. Without a branch, so that it is vectorised.
inline float exponential(float x) {
    const float low = x > -87.0F ? x : -87.0F;
    const float turns = low * 1.44269504F;
    const int whole = static_cast<int>(turns - 0.5F);  // to the nearest: turns are not positive
    const float of = static_cast<float>(whole);
    const float rest = (low - of * 0.693359375F) + of * 2.12194440e-4F;
    float sum = 1.9875691500e-4F;
    sum = sum * rest + 1.3981999507e-3F;
    sum = sum * rest + 8.3334519073e-3F;
    sum = sum * rest + 4.1665795894e-2F;
    sum = sum * rest + 1.6666665459e-1F;
    sum = sum * rest + 5.0000001201e-1F;
    sum = sum * rest * rest + rest + 1.0F;
    union {
        std::int32_t bits;
        float power;
    } two;
    two.bits = (whole + 127) * (1 << 23);
    return x == x ? sum * two.power : x;
}

// The nearest column or row that has a next one. What is not a number goes to the first.
inline int cell(float place, int size) {
    const float most = static_cast<float>(size - 2);
    const float kept = place > 0.0F ? place : 0.0F;
    return static_cast<int>(kept < most ? kept : most);  // not negative: cut off is rounded down
}

// 1 - distance, 0 from a distance of 1 on, not a number where that is none.
inline float share(float distance) {
    const float left = 1.0F - (distance < 0.0F ? -distance : distance);
    return left < 0.0F ? 0.0F : left;
}

// Softmax over the samples of kLanes queries, in place: (samples, kLanes).
void softmax(float* weights, std::size_t samples) {
    float most[kLanes], sum[kLanes];
    for (std::size_t q = 0; q < kLanes; ++q) {
        most[q] = weights[q];
        sum[q] = 0.0F;
    }
    for (std::size_t s = 1; s < samples; ++s) {
        const float* const row = weights + s * kLanes;
        for (std::size_t q = 0; q < kLanes; ++q) most[q] = row[q] > most[q] ? row[q] : most[q];
    }
    for (std::size_t s = 0; s < samples; ++s) {
        float* const row = weights + s * kLanes;
        for (std::size_t q = 0; q < kLanes; ++q) {
            row[q] = exponential(row[q] - most[q]);
            sum[q] += row[q];
        }
    }
    for (std::size_t s = 0; s < samples; ++s) {
        float* const row = weights + s * kLanes;
        for (std::size_t q = 0; q < kLanes; ++q) row[q] /= sum[q];
    }
}

// `count` floats, and zeros up to kLanes.
inline void take(const float* from, std::size_t count, float* to) {
    for (std::size_t q = 0; q < kLanes; ++q) to[q] = q < count ? from[q] : 0.0F;
}

// The four corners of each sample of one head and kLanes queries or fewer.
void corners(const Sampling& given, std::size_t head, std::size_t first, std::size_t count,
             float* weights, std::int32_t* rows) {
    const std::size_t samples = given.levels * given.points;
    for (std::size_t s = 0; s < samples; ++s) {
        const std::size_t row = (head * samples + s) * given.queries + first;
        take(given.scores + row, count, weights + s * kLanes);
    }
    softmax(weights, samples);
    // The weights of all samples come first, so that the last ones' corners overwrite none.
    for (std::size_t s = samples; s-- > 0;) {
        const std::size_t level = s / given.points;
        std::size_t start = 0;
        for (std::size_t l = 0; l < level; ++l) {
            start += static_cast<std::size_t>(given.sizes[2 * l] * given.sizes[2 * l + 1]);
        }
        const int width = static_cast<int>(given.sizes[2 * level]);
        const int height = static_cast<int>(given.sizes[2 * level + 1]);
        const float* const place = given.places + (head * samples + s) * 2 * given.queries + first;
        float x[kLanes], y[kLanes], weight[kLanes];
        take(place, count, x);
        take(place + given.queries, count, y);
        take(weights + s * kLanes, kLanes, weight);
        float* const corner = weights + s * 4 * kLanes;
        std::int32_t* const at = rows + s * kLanes;
        for (std::size_t q = 0; q < kLanes; ++q) {
            const int column = cell(x[q], width), line = cell(y[q], height);
            const float right = x[q] - static_cast<float>(column);
            const float below = y[q] - static_cast<float>(line);
            const float upper = share(below) * weight[q], lower = share(below - 1.0F) * weight[q];
            const float near = share(right), far = share(right - 1.0F);
            corner[q] = upper * near;
            corner[kLanes + q] = upper * far;
            corner[2 * kLanes + q] = lower * near;
            corner[3 * kLanes + q] = lower * far;
            at[q] = static_cast<std::int32_t>(start) + line * width + column;
        }
    }
}

// The weighted sum of kWide floats of a query's samples; `value` is where they begin in a row.
template <std::size_t kWide>
inline void gather(const Sampling& given, const float* value, std::size_t q, const float* weights,
                   const std::int32_t* rows, float* out) {
    const std::size_t stride = given.heads * given.depth;
    float sum[kWide] = {};
    const float* weight = weights + q;
    const std::int32_t* row = rows + q;
    for (std::size_t level = 0; level < given.levels; ++level) {
        const std::size_t down = static_cast<std::size_t>(given.sizes[2 * level]) * stride;
        for (std::size_t p = 0; p < given.points; ++p) {
            const float* const upper = value + static_cast<std::size_t>(*row) * stride;
            const float* const lower = upper + down;
            const float a = weight[0], b = weight[kLanes];
            const float c = weight[2 * kLanes], d = weight[3 * kLanes];
            for (std::size_t k = 0; k < kWide; ++k) {
                sum[k] += a * upper[k] + b * upper[stride + k];
                sum[k] += c * lower[k] + d * lower[stride + k];
            }
            weight += 4 * kLanes;
            row += kLanes;
        }
    }
    for (std::size_t k = 0; k < kWide; ++k) out[k] = sum[k];
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
            for (std::size_t q = 0; q < count; ++q) {
                const float* const value = given.value + head * given.depth;
                float* const out = given.out + (first + q) * stride + head * given.depth;
                std::size_t k = 0;
                for (; k + kChunk <= given.depth; k += kChunk) {
                    gather<kChunk>(given, value + k, q, weights, rows, out + k);
                }
                for (; k < given.depth; ++k) {
                    gather<1>(given, value + k, q, weights, rows, out + k);
                }
            }
        }
    }
}

}  // namespace sampling
}  // namespace piza
