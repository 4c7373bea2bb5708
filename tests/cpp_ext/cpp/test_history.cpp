// The box-history encoder without Python: memory is respected, whatever the weights and the boxes.
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.hpp"
#include "history.hpp"

namespace {

using Random = std::mt19937;

// Named arrays, each exactly as large as it must be: a sanitizer sees what steps over.
struct Weights {
    std::map<std::string, std::vector<float>> values;
    piza::Tensors tensors;

    void put(Random& random, const std::string& name, const piza::Shape& shape) {
        std::size_t size = 1;
        for (const std::size_t side : shape) size *= side;
        std::normal_distribution<float> any(0.0F, 0.2F);
        std::vector<float>& array = values[name];
        array.resize(size);
        for (float& value : array) value = any(random);
        tensors[name] = {shape, array.data()};
    }

    void put_linear(Random& random, const std::string& name, std::size_t in, std::size_t out) {
        put(random, name + ".weight", {out, in});
        put(random, name + ".bias", {out});
    }
};

Weights random_weights(Random& random, std::size_t inner) {
    Weights weights;
    const std::string boxes = "box_encoder.", layer = boxes + "transformer.layers.0.";
    for (const std::size_t axes : {1, 2}) {
        const std::string name = boxes + "lff" + std::to_string(axes);
        weights.put(random, name + ".Wr", {8 / axes, axes});
        weights.put_linear(random, name + ".mlp.0", 16 / axes, 32);
        weights.put_linear(random, name + ".mlp.2", 32, 8);
    }
    weights.put(random, layer + "self_attn.in_proj_weight", {96, 32});
    weights.put(random, layer + "self_attn.in_proj_bias", {96});
    weights.put_linear(random, layer + "self_attn.out_proj", 32, 32);
    weights.put_linear(random, layer + "linear1", 32, inner);
    weights.put_linear(random, layer + "linear2", inner, 32);
    for (const std::string name : {"norm1", "norm2"}) {
        weights.put(random, layer + name + ".weight", {32});
        weights.put(random, layer + name + ".bias", {32});
    }
    weights.put_linear(random, boxes + "fc3", 32, 16);
    for (const std::string name : {"binary_classifier", "continuous_regressor"}) {
        weights.put_linear(random, name + ".0", 16, 16);
        weights.put_linear(random, name + ".2", 16, 1);
    }
    return weights;
}

piza::HistoryNetwork random_network(Random& random, std::size_t inner) {
    return piza::HistoryNetwork(random_weights(random, inner).tensors);  // outlives its weights
}

std::vector<double> random_history(Random& random, std::size_t count) {
    std::uniform_real_distribution<double> any(1.0, 1000.0);
    std::vector<double> xywh(4 * count);
    for (double& value : xywh) value = any(random);
    return xywh;
}

void any_length_and_any_width() {
    Random random(1);
    for (const std::size_t inner : {0, 1, 31, 32, 33, 2048}) {
        const piza::HistoryNetwork network = random_network(random, inner);
        for (std::size_t count = 1; count <= 20; ++count) {
            const std::vector<double> history = random_history(random, count);
            double squares = 0.0;
            for (const float value : network.encode(history.data(), count)) {
                squares += static_cast<double>(value) * value;
            }
            CHECK(std::abs(squares - 1.0) < 1e-5);
            const piza::Decision decision = network.decide(history.data(), count);
            CHECK(decision.stop > 0.0 && decision.stop < 1.0);
            CHECK(std::isfinite(decision.progress));
        }
    }
}

void hostile_numbers() {
    Random random(2);
    const piza::HistoryNetwork network = random_network(random, 40);
    const double values[] = {0.0, -1.0, 1e300, 1e-300, std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()};
    for (int round = 0; round < 2000; ++round) {
        const std::size_t count = 1 + random() % 5;
        std::vector<double> history = random_history(random, count);
        for (double& value : history) {
            if (random() % 4 == 0) value = values[random() % 6];
        }
        const double stop = network.decide(history.data(), count).stop;
        CHECK(std::isnan(stop) || (stop >= 0.0 && stop <= 1.0));
    }
}

bool refused(const piza::Tensors& tensors) {
    try {
        const piza::HistoryNetwork network(tensors);
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

void weights_that_do_not_fit() {
    Random random(3);
    const Weights weights = random_weights(random, 40);
    CHECK(!refused(weights.tensors));
    for (const auto& [name, tensor] : weights.tensors) {
        piza::Tensors wrong = weights.tensors;
        for (const piza::Shape& shape : {piza::Shape{}, {1}, {41}, {41, 32}, {3, 3, 3}}) {
            wrong[name].shape = shape;
            CHECK(refused(wrong) != (shape == tensor.shape));
        }
        wrong.erase(name);
        CHECK(refused(wrong));
    }
}

}  // namespace

int main() {
    any_length_and_any_width();
    hostile_numbers();
    weights_that_do_not_fit();
    return 0;
}
