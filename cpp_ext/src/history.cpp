#include "history.hpp"

#include <algorithm>

namespace piza {
namespace {

const std::string kLayer = "box_encoder.transformer.layers.0";

template <std::size_t kSize>
void add(const std::array<float, kSize>& from, std::array<float, kSize>& to) {
    for (std::size_t i = 0; i < kSize; ++i) to[i] += from[i];
}

}  // namespace

void box_features(const double* xywh, std::size_t count, float* features) {
    const double frame_w = xywh[2], frame_h = xywh[3], frame_area = frame_w * frame_h;
    double previous = frame_area;
    for (std::size_t k = 0; k < count; ++k, xywh += 4, features += kBoxFeatures) {
        const double x = xywh[0], y = xywh[1], w = xywh[2], h = xywh[3], area = w * h;
        const double values[kBoxFeatures] = {area / frame_area,       area / previous,
                                             w / frame_w,             h / frame_h,
                                             (x + w / 2.0) / frame_w, (y + h / 2.0) / frame_h};
        for (std::size_t i = 0; i < kBoxFeatures; ++i) features[i] = static_cast<float>(values[i]);
        previous = area;
    }
}

template <std::size_t kAxes, std::size_t kWaves>
void Fourier<kAxes, kWaves>::operator()(const float* position, float* out) const {
    const float scale = 1.0F / std::sqrt(static_cast<float>(kWaves));
    std::array<float, kWaves> waves;
    for (std::size_t f = 0; f < kFrequencies; ++f) {
        float angle = 0.0F;
        for (std::size_t axis = 0; axis < kAxes; ++axis) {
            angle += position[axis] * basis_[f * kAxes + axis];
        }
        waves[f] = std::cos(angle) * scale;
        waves[kFrequencies + f] = std::sin(angle) * scale;
    }
    auto hidden = hidden_(waves.data());
    gelu(hidden);
    const auto found = out_(hidden.data());
    std::copy(found.begin(), found.end(), out);
}

HistoryNetwork::HistoryNetwork(const Tensors& tensors)
    : areas_(tensors, "box_encoder.lff1"),
      places_(tensors, "box_encoder.lff2"),
      in_projection_(tensors, kLayer + ".self_attn.in_proj_weight",
                     kLayer + ".self_attn.in_proj_bias"),
      out_projection_(tensors, kLayer + ".self_attn.out_proj"),
      first_norm_(tensors, kLayer + ".norm1"),
      second_norm_(tensors, kLayer + ".norm2"),
      feed_forward_(tensors, kLayer + ".linear1", kLayer + ".linear2"),
      pooling_(tensors, "box_encoder.fc3"),
      stop_(tensors, "binary_classifier"),
      progress_(tensors, "continuous_regressor") {}

Decision HistoryNetwork::decide(const double* xywh, std::size_t count) const {
    const auto encoding = encode(xywh, count);
    return {1.0 / (1.0 + std::exp(-stop_(encoding))), progress_(encoding)};
}

std::array<float, kEncoding> HistoryNetwork::encode(const double* xywh, std::size_t count) const {
    std::vector<float> features(count * kBoxFeatures);
    box_features(xywh, count, features.data());
    std::vector<Box> boxes(count);
    for (std::size_t k = 0; k < count; ++k) boxes[k] = embed(&features[k * kBoxFeatures]);
    attend(boxes);
    const std::vector<Box> changes = feed_forward_(boxes);
    std::array<float, kEncoding> sum{};
    for (std::size_t k = 0; k < count; ++k) {
        add(changes[k], boxes[k]);
        second_norm_(boxes[k]);
        add(pooling_(boxes[k].data()), sum);
    }
    float squares = 0.0F;
    for (float& value : sum) {
        value /= static_cast<float>(count);
        squares += value * value;
    }
    const float length = std::max(std::sqrt(squares), 1e-12F);
    for (float& value : sum) value /= length;
    return sum;
}

// The two areas one by one, then the sides and the centre.
HistoryNetwork::Box HistoryNetwork::embed(const float* features) const {
    Box box;
    areas_(features, box.data());
    areas_(features + 1, box.data() + 8);
    places_(features + 2, box.data() + 16);
    places_(features + 4, box.data() + 24);
    return box;
}

void HistoryNetwork::attend(std::vector<Box>& boxes) const {
    std::vector<Projection> projections;
    projections.reserve(boxes.size());
    for (const Box& box : boxes) projections.push_back(in_projection_(box.data()));
    std::vector<float> scores(boxes.size());
    for (std::size_t k = 0; k < boxes.size(); ++k) {
        Box mixed{};
        for (std::size_t head = 0; head < kHeads; ++head) {
            attend(projections, k, head, scores, &mixed[head * kHeadSize]);
        }
        add(out_projection_(mixed.data()), boxes[k]);
        first_norm_(boxes[k]);
    }
}

// What one head of one box takes from all of them. `scores` has a place for each box.
void HistoryNetwork::attend(const std::vector<Projection>& all, std::size_t at, std::size_t head,
                            std::vector<float>& scores, float* out) {
    const float scale = 1.0F / std::sqrt(static_cast<float>(kHeadSize));
    const float* const query = &all[at][head * kHeadSize];
    for (std::size_t k = 0; k < all.size(); ++k) {
        const float* const key = &all[k][kWidth + head * kHeadSize];
        float product = 0.0F;
        for (std::size_t i = 0; i < kHeadSize; ++i) product += query[i] * key[i];
        scores[k] = product * scale;
    }
    const float highest = *std::max_element(scores.begin(), scores.end());
    float sum = 0.0F;
    for (float& score : scores) sum += score = std::exp(score - highest);
    for (std::size_t k = 0; k < all.size(); ++k) {
        const float* const value = &all[k][2 * kWidth + head * kHeadSize];
        for (std::size_t i = 0; i < kHeadSize; ++i) out[i] += scores[k] / sum * value[i];
    }
}

double HistoryNetwork::Head::operator()(const std::array<float, kEncoding>& encoding) const {
    auto values = hidden(encoding.data());
    rectify(values);
    return out(values.data())[0];
}

}  // namespace piza
