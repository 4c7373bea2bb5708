// The layers that the box-history encoder is made of, in single precision.
//
// A linear layer is stored input by input, so that its inner loop runs over outputs that lie side
// by side and vectorises without reordering a sum.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace piza {

using Shape = std::vector<std::size_t>;

// A weight as it comes: row-major, not owned.
struct Tensor {
    Shape shape;
    const float* data;
};

using Tensors = std::map<std::string, Tensor>;

inline const Tensor& find(const Tensors& tensors, const std::string& name) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) throw std::invalid_argument("there is no weight " + name);
    return found->second;
}

inline std::string text(const Shape& shape) {
    std::string sides;
    for (const std::size_t side : shape) sides += (sides.empty() ? "" : ", ") + std::to_string(side);
    return "(" + sides + ")";
}

// The values of the tensor of that name; std::invalid_argument where it is missing or has another
// shape.
inline const float* read(const Tensors& tensors, const std::string& name, const Shape& shape) {
    const Tensor& tensor = find(tensors, name);
    if (tensor.shape != shape) {
        throw std::invalid_argument("expected " + name + " of shape " + text(shape) + ", found " +
                                    text(tensor.shape));
    }
    return tensor.data;
}

template <std::size_t kSize>
std::array<float, kSize> read_vector(const Tensors& tensors, const std::string& name) {
    std::array<float, kSize> values;
    std::copy_n(read(tensors, name, {kSize}), kSize, values.begin());
    return values;
}

// out[n] += sum over m < kIn of in[m] * weights[m * kOut + n]
template <std::size_t kIn, std::size_t kOut>
void accumulate(const float* in, const float* weights, float* out) {
    std::array<float, kOut> sums;
    std::copy_n(out, kOut, sums.begin());
    for (std::size_t m = 0; m < kIn; ++m) {
        for (std::size_t n = 0; n < kOut; ++n) sums[n] += in[m] * weights[m * kOut + n];
    }
    std::copy_n(sums.begin(), kOut, out);
}

// Negative to 0; what is not a number stays so.
template <std::size_t kSize>
void rectify(std::array<float, kSize>& values) {
    for (float& value : values) value = value < 0.0F ? 0.0F : value;
}

// The exact GELU, x * Phi(x).
template <std::size_t kSize>
void gelu(std::array<float, kSize>& values) {
    constexpr float kRootHalf = 0.70710678F;
    for (float& value : values) value *= (1.0F + std::erf(value * kRootHalf)) * 0.5F;
}

template <std::size_t kIn, std::size_t kOut>
class Linear {
public:
    Linear(const Tensors& tensors, const std::string& weight, const std::string& bias)
        : weights_(kIn * kOut), bias_(read_vector<kOut>(tensors, bias)) {
        const float* const rows = read(tensors, weight, {kOut, kIn});
        for (std::size_t n = 0; n < kOut; ++n) {
            for (std::size_t m = 0; m < kIn; ++m) weights_[m * kOut + n] = rows[n * kIn + m];
        }
    }
    Linear(const Tensors& tensors, const std::string& name)
        : Linear(tensors, name + ".weight", name + ".bias") {}

    std::array<float, kOut> operator()(const float* in) const {
        std::array<float, kOut> out = bias_;
        accumulate<kIn, kOut>(in, weights_.data(), out.data());
        return out;
    }

private:
    std::vector<float> weights_;  // [in * kOut + out]
    std::array<float, kOut> bias_;
};

// To mean 0 and variance 1 over the values, then scaled and shifted.
template <std::size_t kSize>
class Norm {
public:
    Norm(const Tensors& tensors, const std::string& name)
        : scale_(read_vector<kSize>(tensors, name + ".weight")),
          shift_(read_vector<kSize>(tensors, name + ".bias")) {}

    void operator()(std::array<float, kSize>& values) const {
        float sum = 0.0F, squares = 0.0F;
        for (const float value : values) sum += value;
        for (float& value : values) value -= sum / kSize;
        for (const float value : values) squares += value * value;
        const float deviation = std::sqrt(squares / kSize + 1e-5F);
        for (std::size_t i = 0; i < kSize; ++i) {
            values[i] = values[i] / deviation * scale_[i] + shift_[i];
        }
    }

private:
    std::array<float, kSize> scale_, shift_;
};

// Two linear layers, any number of rectified values between them, over several inputs at once: the
// weights are many and are read once. They lie in the order in which they are read, a block of
// kBlock inner values after the other, the last filled up with zeros.
template <std::size_t kSize>
class FeedForward {
public:
    FeedForward(const Tensors& tensors, const std::string& up, const std::string& down)
        : bias_(read_vector<kSize>(tensors, down + ".bias")) {
        const Shape& any = find(tensors, up + ".bias").shape;
        const std::size_t width = any.empty() ? 0 : any[0];
        const float* const bias = read(tensors, up + ".bias", {width});
        const float* const rows = read(tensors, up + ".weight", {width, kSize});
        const float* const columns = read(tensors, down + ".weight", {kSize, width});
        blocks_.resize((width + kBlock - 1) / kBlock);
        for (std::size_t j = 0; j < width; ++j) {
            Block& block = blocks_[j / kBlock];
            const std::size_t at = j % kBlock;
            block.bias[at] = bias[j];
            for (std::size_t i = 0; i < kSize; ++i) {
                block.up[i * kBlock + at] = rows[j * kSize + i];
                block.down[at * kSize + i] = columns[i * width + j];
            }
        }
    }

    std::vector<std::array<float, kSize>> operator()(
        const std::vector<std::array<float, kSize>>& inputs) const {
        std::vector<std::array<float, kSize>> outputs(inputs.size(), bias_);
        for (const Block& block : blocks_) {
            for (std::size_t k = 0; k < inputs.size(); ++k) {
                std::array<float, kBlock> inner = block.bias;
                accumulate<kSize, kBlock>(inputs[k].data(), block.up.data(), inner.data());
                rectify(inner);
                accumulate<kBlock, kSize>(inner.data(), block.down.data(), outputs[k].data());
            }
        }
        return outputs;
    }

private:
    static constexpr std::size_t kBlock = 32;
    struct Block {
        std::array<float, kBlock> bias{};
        std::array<float, kSize * kBlock> up{};    // [input * kBlock + inner]
        std::array<float, kBlock * kSize> down{};  // [inner * kSize + output]
    };
    std::array<float, kSize> bias_;
    std::vector<Block> blocks_;
};

}  // namespace piza
