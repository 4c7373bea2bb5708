// The operators under a stand-in for ONNX Runtime: its table of functions, with memory of exactly
// the size that it has to be, so that a sanitizer sees what steps over.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "onnxruntime_abi.hpp"

extern "C" piza::ort::Status* RegisterCustomOps(piza::ort::Options*, const piza::ort::ApiBase*);

namespace {

namespace ort = piza::ort;
using Floats = std::vector<float>;
using Sides = std::vector<std::int64_t>;
using Random = std::mt19937;

struct Array {
    Sides sides;
    Floats floats;
    Sides wholes;
};

// What is behind the handles.
struct Run {
    std::vector<Array> inputs;
    std::map<std::size_t, Array> outputs;
};

std::map<std::string, const ort::Operator*> operators;
std::string refusal;
char nothing;  // what handles point at that nobody looks into

template <typename Handle>
Handle* handle(const void* of) {
    return static_cast<Handle*>(const_cast<void*>(of));
}

const Array& array(const void* of) { return *static_cast<const Array*>(of); }

// Functions by their places in the table; all others are null.
std::vector<ort::Function> table() {
    std::vector<ort::Function> made(ort::kParallelFor + 1);
    const auto put = [&](ort::Place place, auto function) {
        made[place] = reinterpret_cast<ort::Function>(function);
    };
    put(ort::kCreateStatus, +[](int, const char* message) {
        refusal = message;
        return handle<ort::Status>(&refusal);
    });
    put(ort::kCreateDomain, +[](const char*, ort::Domain** domain) -> ort::Status* {
        *domain = handle<ort::Domain>(&nothing);
        return nullptr;
    });
    put(ort::kDomainAdd, +[](ort::Domain*, const ort::Operator* op) -> ort::Status* {
        operators[op->name(op)] = op;
        return nullptr;
    });
    put(ort::kAddDomain, +[](ort::Options*, ort::Domain*) -> ort::Status* { return nullptr; });
    put(ort::kInput,
        +[](const ort::Context* context, std::size_t k, const ort::Value** value) -> ort::Status* {
            const Run& run = *handle<const Run>(context);
            *value = handle<const ort::Value>(&run.inputs.at(k));
            return nullptr;
        });
    put(ort::kTensorShape, +[](const ort::Value* value, ort::Shape** shape) -> ort::Status* {
        *shape = handle<ort::Shape>(value);
        return nullptr;
    });
    put(ort::kDimensionsCount, +[](const ort::Shape* shape, std::size_t* count) -> ort::Status* {
        *count = array(shape).sides.size();
        return nullptr;
    });
    put(ort::kDimensions,
        +[](const ort::Shape* shape, std::int64_t* sides, std::size_t count) -> ort::Status* {
            for (std::size_t k = 0; k < count; ++k) sides[k] = array(shape).sides[k];
            return nullptr;
        });
    put(ort::kReleaseShape, +[](ort::Shape*) {});
    put(ort::kTensorData, +[](ort::Value* value, void** data) -> ort::Status* {
        Array& of = *handle<Array>(value);
        *data = of.wholes.empty() ? static_cast<void*>(of.floats.data()) : of.wholes.data();
        return nullptr;
    });
    put(ort::kOutput, +[](ort::Context* context, std::size_t k, const std::int64_t* sides,
                          std::size_t count, ort::Value** value) -> ort::Status* {
        Array& made = handle<Run>(context)->outputs[k];
        made.sides.assign(sides, sides + count);
        std::int64_t size = 1;
        for (const std::int64_t side : made.sides) size *= side;
        made.floats.assign(static_cast<std::size_t>(size), std::nanf(""));
        *value = handle<ort::Value>(&made);
        return nullptr;
    });
    put(ort::kParallelFor, +[](const ort::Context*, void (*task)(void*, std::size_t),
                               std::size_t tasks, std::size_t, void* given) -> ort::Status* {
        for (std::size_t k = tasks; k-- > 0;) task(given, k);
        return nullptr;
    });
    return made;
}

// Whether an operator took what it was given.
bool ran(const std::string& name, Run& run) {
    CHECK(run.inputs.size() == operators.at(name)->input_count(operators.at(name)));
    return operators.at(name)->compute_or_fail(nullptr, handle<ort::Context>(&run)) == nullptr;
}

Array random_array(Random& random, const Sides& sides, float low, float high) {
    Array made{sides, {}, {}};
    std::int64_t size = 1;
    for (const std::int64_t side : sides) size *= side;
    std::uniform_real_distribution<float> any(low, high);
    for (std::int64_t k = 0; k < size; ++k) made.floats.push_back(any(random));
    return made;
}

Array wholes(const Sides& sides, const Sides& values) { return {sides, {}, values}; }

bool close(float a, double b) { return std::fabs(a - b) < 1e-4; }

std::vector<double> softmax(std::vector<double> scores) {
    double most = scores[0], sum = 0;
    for (const double score : scores) most = std::max(most, score);
    for (double& score : scores) sum += score = std::exp(score - most);
    for (double& score : scores) score /= sum;
    return scores;
}

// One sample of one feature: bilinear, nothing outside.
double bilinear(const Run& run, std::int64_t level, std::int64_t feature, float x, float y) {
    const Sides& sizes = run.inputs[3].wholes;
    std::int64_t start = 0;
    for (std::int64_t l = 0; l < level; ++l) start += sizes[2 * l] * sizes[2 * l + 1];
    double sum = 0;
    for (std::int64_t row = 0; row < sizes[2 * level + 1]; ++row) {
        for (std::int64_t column = 0; column < sizes[2 * level]; ++column) {
            const double share = std::max(0.0, 1 - std::fabs(x - static_cast<double>(column))) *
                                 std::max(0.0, 1 - std::fabs(y - static_cast<double>(row)));
            const std::int64_t at = start + row * sizes[2 * level] + column;
            sum += share * run.inputs[0].floats[at * run.inputs[0].sides[1] + feature];
        }
    }
    return sum;
}

void sampling(std::int64_t heads, std::int64_t points, std::int64_t queries, std::int64_t depth) {
    Random random(static_cast<unsigned>(queries));
    const Sides sizes{5, 3, 2, 2};
    Run run;
    run.inputs = {random_array(random, {19, heads * depth}, -1, 1),
                  random_array(random, {heads, 2, points, 2, queries}, -3, 7),
                  random_array(random, {heads, 2 * points, queries}, -4, 4),
                  wholes({2, 2}, sizes)};
    CHECK(ran("DeformableSampling", run));
    const auto& places = run.inputs[1].floats;
    const auto& scores = run.inputs[2].floats;
    for (std::int64_t q = 0; q < queries; ++q) {
        for (std::int64_t m = 0; m < heads; ++m) {
            std::vector<double> own;
            for (std::int64_t s = 0; s < 2 * points; ++s) {
                own.push_back(scores[(m * 2 * points + s) * queries + q]);
            }
            own = softmax(own);
            for (std::int64_t d = 0; d < depth; ++d) {
                double sum = 0;
                for (std::int64_t s = 0; s < 2 * points; ++s) {
                    const float* const at = &places[(m * 2 * points + s) * 2 * queries + q];
                    sum += own[s] * bilinear(run, s / points, m * depth + d, *at, at[queries]);
                }
                CHECK(close(run.outputs[0].floats[q * heads * depth + m * depth + d], sum));
            }
        }
    }
    for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(), -1e30F}) {
        run.inputs[1].floats[0] = run.inputs[2].floats.back() = bad;
        CHECK(ran("DeformableSampling", run));
    }
}

// bias_rows: 0 for none.
void attention(std::int64_t heads, std::int64_t depth, std::int64_t queries, std::int64_t keys,
               std::int64_t bias_rows) {
    Random random(static_cast<unsigned>(queries));
    const std::int64_t width = heads * depth;
    Run run;
    for (const std::int64_t rows : {queries, keys, keys}) {
        run.inputs.push_back(random_array(random, {rows, width}, -2, 2));
    }
    if (bias_rows > 0) {
        run.inputs.push_back(random_array(random, {1, bias_rows, keys}, -1, 1));
        for (std::int64_t k = 1; k < keys; k += 2) run.inputs[3].floats[k] = -1e4F;
    }
    run.inputs.push_back(wholes({1}, {heads}));
    CHECK(ran(bias_rows > 0 ? "AttendBiased" : "Attend", run));
    for (std::int64_t q = 0; q < queries; ++q) {
        for (std::int64_t m = 0; m < heads; ++m) {
            std::vector<double> scores;
            for (std::int64_t k = 0; k < keys; ++k) {
                double score = 0;
                for (std::int64_t d = m * depth; d < (m + 1) * depth; ++d) {
                    score += run.inputs[0].floats[q * width + d] *
                             static_cast<double>(run.inputs[1].floats[k * width + d]);
                }
                const std::int64_t row = bias_rows > 1 ? q : 0;
                const float bias = bias_rows > 0 ? run.inputs[3].floats[row * keys + k] : 0.0F;
                scores.push_back(score / std::sqrt(static_cast<double>(depth)) + bias);
            }
            scores = softmax(scores);
            for (std::int64_t d = m * depth; d < (m + 1) * depth; ++d) {
                double sum = 0;
                for (std::int64_t k = 0; k < keys; ++k) {
                    sum += scores[k] * run.inputs[2].floats[k * width + d];
                }
                CHECK(close(run.outputs[0].floats[q * width + d], sum));
            }
        }
    }
}

void both_ways(std::int64_t locations, std::int64_t heads, std::int64_t tokens,
               std::int64_t padding, std::int64_t width) {
    Random random(static_cast<unsigned>(locations));
    const std::int64_t rows = heads * tokens;
    Run run;
    run.inputs = {random_array(random, {locations, width}, -1, 1),
                  random_array(random, {rows, width}, -1, 1),
                  random_array(random, {rows}, -1, 1),
                  random_array(random, {rows, width}, -1, 1),
                  random_array(random, {1, width}, -1, 1),
                  wholes({1}, {heads})};
    for (std::int64_t m = 0; m < heads; ++m) {
        for (std::int64_t t = tokens - padding; t < tokens; ++t) {
            run.inputs[2].floats[m * tokens + t] = -1e4F;
        }
    }
    CHECK(ran("TwoWayAttention", run));
    const auto score = [&](std::int64_t n, std::int64_t row) {
        double sum = run.inputs[2].floats[row];
        for (std::int64_t d = 0; d < width; ++d) {
            sum += run.inputs[0].floats[n * width + d] *
                   static_cast<double>(run.inputs[1].floats[row * width + d]);
        }
        return sum;
    };
    for (std::int64_t n = 0; n < locations; ++n) {
        std::vector<double> out(&run.inputs[0].floats[n * width],
                                &run.inputs[0].floats[n * width] + width);
        for (std::int64_t m = 0; m < heads; ++m) {
            std::vector<double> shares;
            for (std::int64_t t = 0; t < tokens; ++t) shares.push_back(score(n, m * tokens + t));
            shares = softmax(shares);
            for (std::int64_t k = 0; k < tokens * width; ++k) {
                out[k % width] +=
                    shares[k / width] * run.inputs[3].floats[m * tokens * width + k];
            }
        }
        for (std::int64_t d = 0; d < width; ++d) {
            CHECK(close(run.outputs[0].floats[n * width + d], out[d] + run.inputs[4].floats[d]));
        }
    }
    for (std::int64_t row = 0; row < rows; ++row) {
        if (row % tokens >= tokens - padding) continue;  // whose scores are coarse
        std::vector<double> shares;
        for (std::int64_t n = 0; n < locations; ++n) shares.push_back(score(n, row));
        shares = softmax(shares);
        for (std::int64_t d = 0; d < width; ++d) {
            double sum = 0;
            for (std::int64_t n = 0; n < locations; ++n) {
                sum += shares[n] * run.inputs[0].floats[n * width + d];
            }
            CHECK(close(run.outputs[1].floats[row * width + d], sum));
        }
    }
}

void normalisation(std::int64_t rows, std::int64_t width) {
    Random random(static_cast<unsigned>(rows));
    Run run;
    run.inputs = {random_array(random, {rows, width}, -2, 5),
                  random_array(random, {rows, width}, -2, 5),
                  random_array(random, {width}, -1, 1),
                  random_array(random, {width}, -1, 1),
                  {{1}, {1e-5F}, {}}};
    CHECK(ran("NormaliseSum", run));
    for (std::int64_t row = 0; row < rows; ++row) {
        std::vector<double> sums;
        double mean = 0, square = 0;
        for (std::int64_t k = row * width; k < (row + 1) * width; ++k) {
            sums.push_back(run.inputs[0].floats[k] + static_cast<double>(run.inputs[1].floats[k]));
            mean += sums.back() / static_cast<double>(width);
        }
        for (const double sum : sums) square += (sum - mean) * (sum - mean);
        const double root = std::sqrt(square / static_cast<double>(width) + 1e-5);
        for (std::int64_t d = 0; d < width; ++d) {
            const double expected = (sums[d] - mean) / root * run.inputs[2].floats[d];
            CHECK(close(run.outputs[0].floats[row * width + d],
                        expected + run.inputs[3].floats[d]));
        }
    }
    run.inputs.erase(run.inputs.begin() + 1);
    CHECK(ran("Normalise", run));
}

void adapter(std::int64_t rows, std::int64_t width, std::int64_t bottleneck) {
    Random random(static_cast<unsigned>(rows));
    const auto floats = [&](const Sides& sides) { return random_array(random, sides, -1, 1); };
    Run run;
    run.inputs = {floats({rows, width}), floats({rows, width}), floats({width, bottleneck}),
                  floats({bottleneck}),  floats({bottleneck, width}), floats({1, width}),
                  floats({width}),       floats({width}),        {{1}, {1e-5F}, {}}};
    CHECK(ran("Adapt", run));
    const auto at = [&](std::size_t k, std::int64_t n) {
        return static_cast<double>(run.inputs[k].floats[n]);
    };
    for (std::int64_t row = 0; row < rows; ++row) {
        std::vector<double> sums, hidden;
        double mean = 0, square = 0;
        for (std::int64_t d = 0; d < width; ++d) {
            sums.push_back(at(0, row * width + d) + at(1, row * width + d));
        }
        for (std::int64_t r = 0; r < bottleneck; ++r) {
            double sum = at(3, r);
            for (std::int64_t d = 0; d < width; ++d) sum += sums[d] * at(2, d * bottleneck + r);
            hidden.push_back(0.5 * sum * (1 + std::erf(sum / std::sqrt(2.0))));
        }
        for (std::int64_t d = 0; d < width; ++d) {
            sums[d] += at(5, d);
            for (std::int64_t r = 0; r < bottleneck; ++r) {
                sums[d] += hidden[r] * at(4, r * width + d);
            }
        }
        for (const double sum : sums) mean += sum / static_cast<double>(width);
        for (const double sum : sums) square += (sum - mean) * (sum - mean);
        const double root = std::sqrt(square / static_cast<double>(width) + 1e-5);
        for (std::int64_t d = 0; d < width; ++d) {
            const double expected = (sums[d] - mean) / root * at(6, d) + at(7, d);
            CHECK(close(run.outputs[0].floats[row * width + d], expected));
        }
    }
}

// One row of F(4, 3)'s matrix for filters.
double spread(std::int64_t row, const double* three) {
    const double rows[6][3] = {{1 / 4.0, 0, 0},
                               {-1 / 6.0, -1 / 6.0, -1 / 6.0},
                               {-1 / 6.0, 1 / 6.0, -1 / 6.0},
                               {1 / 24.0, 1 / 12.0, 1 / 6.0},
                               {1 / 24.0, -1 / 12.0, 1 / 6.0},
                               {0, 0, 1}};
    return rows[row][0] * three[0] + rows[row][1] * three[1] + rows[row][2] * three[2];
}

// Filters (K, C, 3, 3) as the operator takes them.
Array transformed(const Array& filters) {
    const std::int64_t count = filters.sides[0], channels = filters.sides[1];
    Array made{{36, channels, count}, Floats(static_cast<std::size_t>(36 * channels * count)), {}};
    for (std::int64_t k = 0; k < count; ++k) {
        for (std::int64_t c = 0; c < channels; ++c) {
            const float* const filter = filters.floats.data() + (k * channels + c) * 9;
            for (std::int64_t i = 0; i < 6; ++i) {
                double columns[3];
                for (std::int64_t x = 0; x < 3; ++x) {
                    const double column[3] = {filter[x], filter[3 + x], filter[6 + x]};
                    columns[x] = spread(i, column);
                }
                for (std::int64_t j = 0; j < 6; ++j) {
                    made.floats[((i * 6 + j) * channels + c) * count + k] =
                        static_cast<float>(spread(j, columns));
                }
            }
        }
    }
    return made;
}

void convolution(std::int64_t channels, std::int64_t count, std::int64_t height,
                 std::int64_t width) {
    Random random(static_cast<unsigned>(height));
    const Array filters = random_array(random, {count, channels, 3, 3}, -0.3F, 0.3F);
    Run run;
    run.inputs = {random_array(random, {1, channels, height, width}, -1, 1), transformed(filters),
                  random_array(random, {count}, -1, 1),
                  random_array(random, {1, count, height, width}, -1, 1)};
    CHECK(ran("ConvolveSum", run));
    Run without = run;
    without.inputs.pop_back();
    CHECK(ran("Convolve", without));
    const Floats& image = run.inputs[0].floats;
    for (std::int64_t at = 0; at < count * height * width; ++at) {
        const std::int64_t k = at / (height * width), y = at / width % height, x = at % width;
        double sum = run.inputs[2].floats[k];
        for (std::int64_t c = 0; c < channels; ++c) {
            for (std::int64_t j = 0; j < 9; ++j) {
                const std::int64_t row = y + j / 3 - 1, column = x + j % 3 - 1;
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                sum += static_cast<double>(filters.floats[(k * channels + c) * 9 + j]) *
                       image[(c * height + row) * width + column];
            }
        }
        CHECK(close(without.outputs[0].floats[at], std::max(sum, 0.0)));
        const double both = sum + run.inputs[3].floats[at];
        CHECK(close(run.outputs[0].floats[at], std::max(both, 0.0)));
    }
}

// Each input in turn has other sides than it has to have.
void what_does_not_fit() {
    Random random(0);
    const auto floats = [&](const Sides& sides) { return random_array(random, sides, -1, 1); };
    const std::map<std::string, Run> good = {
        {"DeformableSampling",
         {{floats({19, 6}), floats({2, 2, 1, 2, 5}), floats({2, 2, 5}),
           wholes({2, 2}, {5, 3, 2, 2})}, {}}},
        {"TwoWayAttention",
         {{floats({9, 16}), floats({6, 16}), floats({6}), floats({6, 16}), floats({1, 16}),
           wholes({1}, {2})}, {}}},
        {"AttendBiased",
         {{floats({5, 6}), floats({4, 6}), floats({4, 6}), floats({1, 5, 4}), wholes({1}, {2})},
          {}}},
        {"NormaliseSum",
         {{floats({3, 16}), floats({3, 16}), floats({16}), floats({16}), floats({1})}, {}}},
        {"Adapt",
         {{floats({3, 16}), floats({3, 16}), floats({16, 32}), floats({32}), floats({32, 16}),
           floats({1, 16}), floats({16}), floats({16}), floats({1})}, {}}},
        {"ConvolveSum",
         {{floats({1, 16, 3, 5}), floats({36, 16, 32}), floats({32}), floats({1, 32, 3, 5})}, {}}},
    };
    for (const auto& [name, given] : good) {
        Run right = given;
        CHECK(ran(name, right));
        for (std::size_t k = 0; k < given.inputs.size(); ++k) {
            for (const std::int64_t more : {0, 1}) {
                Run wrong = given;
                if (more == 1) {
                    wrong.inputs[k].sides.push_back(1);
                } else {
                    wrong.inputs[k].sides.back() += 1;
                    wrong.inputs[k].floats.resize(wrong.inputs[k].floats.size() * 2);
                }
                CHECK(!ran(name, wrong));
                CHECK(!refusal.empty());
            }
        }
    }
}

}  // namespace

int main() {
    const std::vector<ort::Function> functions = table();
    static const ort::Function* const given = functions.data();
    const ort::ApiBase base{[](std::uint32_t) { return given; }, nullptr};
    CHECK(RegisterCustomOps(nullptr, &base) == nullptr);
    CHECK(operators.size() == 9);
    sampling(1, 1, 1, 1);
    sampling(2, 2, 37, 27);
    sampling(3, 4, 16, 16);
    attention(1, 1, 1, 1, 0);
    attention(2, 24, 19, 33, 1);
    attention(3, 16, 9, 16, 9);
    both_ways(1, 1, 1, 0, 16);
    both_ways(131, 2, 21, 9, 48);
    normalisation(1, 16);
    normalisation(130, 96);
    adapter(1, 16, 16);
    adapter(69, 48, 32);
    convolution(16, 16, 1, 1);
    convolution(16, 48, 9, 33);
    convolution(32, 16, 40, 8);
    what_does_not_fit();
    return 0;
}
