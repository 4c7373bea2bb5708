// The box-history encoder: from the boxes so far to end-of-search and progress.
//
// Two learnable Fourier feature layers, one post-norm transformer layer, a mean over the boxes and
// two small heads. Names and shapes of the weights are those of the published PIZA checkpoints.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "layers.hpp"

namespace piza {

constexpr std::size_t kBoxFeatures = 6;
constexpr std::size_t kEncoding = 16;  // numbers that a history is turned into

// A history is `count` >= 1 boxes, xywh each, the first of them the whole frame. Six numbers a box:
// area / first area, area / previous area (1 for the first), w / W, h / H, centre x / W,
// centre y / H, where W, H are the sides of the first box.
void box_features(const double* xywh, std::size_t count, float* features);

// Learnable Fourier features of a position in kAxes dimensions, kWaves / 2 frequencies.
template <std::size_t kAxes, std::size_t kWaves>
class Fourier {
public:
    static constexpr std::size_t kOut = 8;

    Fourier(const Tensors& tensors, const std::string& name)
        : hidden_(tensors, name + ".mlp.0"), out_(tensors, name + ".mlp.2") {
        const float* const basis = read(tensors, name + ".Wr", {kFrequencies, kAxes});
        std::copy_n(basis, basis_.size(), basis_.begin());
    }

    void operator()(const float* position, float* out) const;

private:
    static constexpr std::size_t kFrequencies = kWaves / 2;
    std::array<float, kFrequencies * kAxes> basis_;
    Linear<kWaves, 32> hidden_;
    Linear<32, kOut> out_;
};

struct Decision {
    double stop;      // a probability
    double progress;  // neither rounded nor clipped
};

// Stateless once made: threads may call at the same time.
class HistoryNetwork {
public:
    // Copies the weights; std::invalid_argument for a missing one and for a wrong shape.
    explicit HistoryNetwork(const Tensors& tensors);

    Decision decide(const double* xywh, std::size_t count) const;

    // A vector of unit length.
    std::array<float, kEncoding> encode(const double* xywh, std::size_t count) const;

private:
    static constexpr std::size_t kWidth = 32, kHeads = 4, kHeadSize = kWidth / kHeads;
    using Box = std::array<float, kWidth>;
    using Projection = std::array<float, 3 * kWidth>;  // query, key, value; head by head in each

    struct Head {
        Head(const Tensors& tensors, const std::string& name)
            : hidden(tensors, name + ".0"), out(tensors, name + ".2") {}
        double operator()(const std::array<float, kEncoding>& encoding) const;

        Linear<kEncoding, 16> hidden;
        Linear<16, 1> out;
    };

    Box embed(const float* features) const;
    void attend(std::vector<Box>& boxes) const;
    static void attend(const std::vector<Projection>& all, std::size_t at, std::size_t head,
                       std::vector<float>& scores, float* out);

    Fourier<1, 16> areas_;
    Fourier<2, 8> places_;
    Linear<kWidth, 3 * kWidth> in_projection_;
    Linear<kWidth, kWidth> out_projection_;
    Norm<kWidth> first_norm_, second_norm_;
    FeedForward<kWidth> feed_forward_;
    Linear<kWidth, kEncoding> pooling_;
    Head stop_, progress_;
};

}  // namespace piza
